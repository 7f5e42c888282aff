// The batch script is run by a real shell, with stand-ins for Slurm's programs and for layersweep.
#include "submit/batch_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "submit/quote.hpp"
#include "support/files.hpp"

namespace layersweep::submit {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string text_of(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class BatchScript : public testing::Test {
 protected:
  BatchScript() {
    fs::create_directory(bin());
    // srun lists what $MPI says, and else runs the command behind its own options.
    program("srun", R"sh(
case "$*" in --mpi=list) echo "MPI plugin types are..."; printf '\t%s\n' $MPI; exit 0;; esac
echo "srun $*" >"$W/srun"
while case $1 in -*) true;; *) false;; esac; do shift; done
exec "$@")sh");
    // scontrol knows one job, $ID, which says in its name what could be mistaken for its end and restarts.
    program("scontrol", R"sh(
case $1 in
  show)
    [ "$2 $3" = "job ${ID:-7}" ] || exit 1
    printf 'JobId=7 JobName=EndTime=2001-01-01T00:00:00 Restarts=9\n   Requeue=1 Restarts=%s BatchFlag=1 Reboot=0\n' "${RESTARTS:-0}"
    printf '   StartTime=2031-05-06T07:00:00 EndTime=%s Deadline=N/A\n' "${END:-2031-05-06T07:08:09}"
    ;;
  *)
    echo "scontrol $*"
    exit ${REFUSED:-0}
    ;;
esac)sh");
    // layersweep writes down its words and ends with $CODE; with $PROGRESS it leaves something durable behind.
    program("layersweep", R"sh(
case $1 in
  status) ls "$W"/step-* 2>/dev/null | wc -l ;;
  run)
    shift
    env >"$W/environment"
    echo "threads $OMP_NUM_THREADS"
    printf '<%s>\n' "$@" >"$W/words"
    if [ -n "${PROGRESS:-}" ]; then touch "$W/step-$(date +%N)"; fi
    exit $CODE
    ;;
esac)sh");
    job_ = {.program = bin() / "layersweep",
            .folder = folder_.path(),
            .tasks = {ArrayTask{folder_.path() / "a.ini", folder_.path() / "run", {}, 0}},
            .settings = {},
            .environment = {}};
    job_.settings.nodes = 2;
    job_.settings.ranks_per_node = 4;
    job_.settings.time = std::chrono::hours(2);
  }

  fs::path bin() const { return folder_.path() / "bin"; }
  void program(const std::string& name, const std::string& lines) {
    std::ofstream(bin() / name) << "#!/bin/bash\n" << lines << "\n";
    fs::permissions(bin() / name, fs::perms::owner_all);
  }

  // Exit code of a start of the job; what it prints is in `out_`.
  int start(const std::string& environment) {
    std::ofstream(folder_.path() / "job.sh") << batch_script(job_);
    const std::string at = folder_.path().string();
    const std::string line = "cd '" + at + "' && env PATH='" + bin().string() + "':\"$PATH\" W='" + at +
                             "' TZ=UTC SLURM_JOB_ID=7 MPI='none pmix pmix_v4' " + environment + " bash job.sh >out 2>&1";
    const int status = std::system(line.c_str());
    out_ = text_of(folder_.path() / "out");
    return WEXITSTATUS(status);
  }
  std::string words() const { return text_of(folder_.path() / "words"); }
  // What the ranks find in their environment, a line each.
  std::vector<std::string> environment() const {
    std::ifstream stream(folder_.path() / "environment");
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

  test::TemporaryFolder folder_;
  Job job_;
  std::string out_;
};

TEST_F(BatchScript, AsksSlurmForWhatWasGiven) {
  job_.settings.partition = "fast";
  job_.settings.account = "me";
  job_.settings.gpus_per_node = 4;
  job_.settings.threads_per_rank = 8;
  job_.settings.sbatch = {"--qos=long"};
  const std::string script = batch_script(job_);
  EXPECT_THAT(script, StartsWith("#!/bin/bash\n#SBATCH --job-name=a\n"));
  for (const char* line :
       {"--nodes=2", "--ntasks-per-node=4", "--cpus-per-task=8", "--gpus-per-node=4", "--time=02:00:00", "--partition=fast",
        "--account=me", "--signal=USR1@600", "--requeue", "--open-mode=append", "--qos=long"}) {
    EXPECT_THAT(script, HasSubstr("\n#SBATCH " + std::string(line) + "\n"));
  }
  EXPECT_THAT(script, AllOf(HasSubstr("/run/slurm-%j.log\n"), Not(HasSubstr("--array")), Not(HasSubstr("{{"))));
}

TEST_F(BatchScript, RunsTheExperimentWithItsThreads) {
  job_.tasks[0].threads = 3;
  EXPECT_EQ(start("CODE=0"), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr("threads 3"), HasSubstr("job 7, start 1"), Not(HasSubstr("scontrol"))));
  EXPECT_EQ(words(), "<" + (folder_.path() / "a.ini").string() + ">\n<--set>\n<run.threads=3>\n");
}

TEST_F(BatchScript, HostileTextStaysText) {
  const std::string hostile = "encoder.folder=$(touch pwned) `touch pwned`'; touch pwned; '\"\n touch pwned # {{tasks}} \\";
  job_.tasks[0].arguments = {"--set", hostile};
  job_.tasks[0].run_folder = folder_.path() / "a 'run'; touch pwned $(touch pwned) \"x\"";
  job_.environment = {{"LAYERSWEEP_DATA", "'; touch pwned; '"}};
  EXPECT_EQ(start("CODE=0"), 0) << out_;
  EXPECT_FALSE(fs::exists(folder_.path() / "pwned"));
  EXPECT_THAT(words(), HasSubstr("<" + hostile + ">"));
  EXPECT_TRUE(fs::exists(job_.tasks[0].run_folder / "requeues.ini"));
}

TEST_F(BatchScript, NamesThatNoScriptCanHoldAreRefused) {
  job_.tasks[0].run_folder = "/a\n#SBATCH --uid=0";
  EXPECT_THROW(batch_script(job_), base::UsageError);
}

TEST_F(BatchScript, ArrayTasksRunTheirOwnExperiment) {
  job_.tasks.push_back(ArrayTask{folder_.path() / "b.ini", folder_.path() / "b", {"--set", "x.y=1"}, 0});
  EXPECT_THAT(batch_script(job_), AllOf(HasSubstr("#SBATCH --array=0-1\n"), HasSubstr("%A_%a.log")));
  EXPECT_EQ(start("CODE=0 SLURM_ARRAY_JOB_ID=6 SLURM_ARRAY_TASK_ID=1"), 0);
  EXPECT_THAT(words(), AllOf(HasSubstr("b.ini>"), HasSubstr("<x.y=1>")));
  EXPECT_THAT(out_, HasSubstr("job 7 (6_1), start 1, 8 ranks"));
  EXPECT_EQ(start("CODE=0 SLURM_ARRAY_JOB_ID=6 SLURM_ARRAY_TASK_ID=0"), 0);
  EXPECT_THAT(words(), HasSubstr("a.ini>"));
  EXPECT_EQ(start("CODE=0 SLURM_ARRAY_JOB_ID=6 SLURM_ARRAY_TASK_ID=2"), 2);
}

TEST_F(BatchScript, RequeuesAfterACheckpointOnly) {
  EXPECT_EQ(start("CODE=75 PROGRESS=1"), 0);
  EXPECT_THAT(out_, HasSubstr("scontrol requeue 7\n"));
  for (const int code : {0, 1, 2, 3, 134, 137}) {
    EXPECT_EQ(start("CODE=" + std::to_string(code)), code);
    EXPECT_THAT(out_, Not(HasSubstr("scontrol"))) << code;
  }
  EXPECT_EQ(start("CODE=75 PROGRESS=1 REFUSED=1"), 1);
  EXPECT_THAT(out_, HasSubstr("submit it again"));
}

// The number of an array's last task is that of the array too: by it Slurm would requeue the other tasks, even those at
// work.
TEST_F(BatchScript, RequeuesATaskOfAnArrayAlone) {
  job_.tasks.push_back(job_.tasks.front());
  EXPECT_EQ(start("CODE=75 PROGRESS=1 SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=1"), 0);
  EXPECT_THAT(out_, HasSubstr("scontrol requeue 7_1\n"));
}

// While its libraries load, a rank has no handlers yet: SIGUSR1 and SIGTERM end it.
TEST_F(BatchScript, RequeuesRanksThatWereToldToStopBeforeTheyCouldListen) {
  job_.settings.idle_requeues = 2;
  for (const char* signal : {"USR1", "TERM"}) {
    program("layersweep", "case $1 in run) kill -" + std::string(signal) + " $$;; *) echo same;; esac");
    fs::remove(job_.tasks[0].run_folder / "requeues.ini");
    EXPECT_EQ(start(""), 0);
    EXPECT_THAT(out_, AllOf(HasSubstr("before the ranks could listen"), HasSubstr("scontrol requeue 7\n")));
    EXPECT_EQ(start(""), 1) << "without an end";
    EXPECT_THAT(out_, HasSubstr("stopped 2 times in a row"));
  }
}

// As from within another job, a rank of another program, or a shell with settings for other work.
TEST_F(BatchScript, ForgetsWhatTheSubmittingShellWasPartOf) {
  const std::vector<std::string> left{"SLURM_ARRAY_TASK_ID=5",
                                      "SLURM_ARRAY_JOB_ID=3",
                                      "SLURM_STEP_ID=0",
                                      "SLURM_STEP_NUM_TASKS=8",
                                      "SLURM_MEM_PER_CPU=1",
                                      "SLURM_MEM_PER_NODE=1",
                                      "SLURM_CPU_BIND=map_cpu:0",
                                      "SLURM_DISTRIBUTION=arbitrary",
                                      "SLURM_HINT=x",
                                      "SLURM_GPUS=1",
                                      "SLURM_EXPORT_ENV=NONE",
                                      "SLURM_SOMETHING_NEW=1",
                                      "SLURMD_TRES_BIND=x",
                                      "SBATCH_QOS=x",
                                      "SALLOC_QOS=x",
                                      "SRUN_CPUS_PER_TASK=9",
                                      "OMPI_COMM_WORLD_SIZE=8",
                                      "OMPI_MCA_io=ompio",
                                      "PMIX_RANK=3",
                                      "PMI_RANK=3",
                                      "PRTE_MCA_x=1",
                                      "PALS_RANKID=3",
                                      "HYDI_CONTROL_FD=3",
                                      "MPI_LOCALRANKID=3",
                                      "OMP_PLACES=cores",
                                      "OMP_PROC_BIND=true",
                                      "GOMP_CPU_AFFINITY=0",
                                      "KMP_AFFINITY=x",
                                      "MKL_NUM_THREADS=9",
                                      "LAYERSWEEP_DATA=/x",
                                      "CUDA_VISIBLE_DEVICES=2",
                                      "LD_LIBRARY_PATH=/x"};
  std::string shell =
      "CODE=0 OMP_NUM_THREADS=9 SLURM_NTASKS=7 SLURM_TASKS_PER_NODE=7 SLURM_CONF=/c SLURM_JOB_NODELIST=n[1-2] HOME=/h";
  for (const std::string& variable : left) shell += " " + variable;
  EXPECT_EQ(start(shell), 0) << out_;
  for (const std::string& variable : left) {
    const std::string name = variable.substr(0, variable.find('=') + 1);
    EXPECT_THAT(environment(), Not(Contains(StartsWith(name))));
  }
  for (const char* own : {"SLURM_JOB_ID=7", "SLURM_JOB_NODELIST=n[1-2]", "SLURM_CONF=/c", "HOME=/h", "OMP_NUM_THREADS=1",
                          "SLURM_NTASKS=8", "SLURM_TASKS_PER_NODE=4(x2)"}) {
    EXPECT_THAT(environment(), Contains(own));
  }
  EXPECT_THAT(words(), HasSubstr("a.ini>"));
  EXPECT_THAT(batch_script(job_), Not(HasSubstr("SLURM_ARRAY")));
  EXPECT_THAT(text_of(folder_.path() / "srun"), HasSubstr(" --nodes=2 --ntasks=8 --ntasks-per-node=4 --cpus-per-task=1 "));
}

TEST_F(BatchScript, KeepsWhatSlurmSetsForItsOwnOptions) {
  job_.environment = {{"LAYERSWEEP_DATA", "/data"}, {"LD_LIBRARY_PATH", "/lib a"}};
  job_.settings.sbatch = {"--hint=nomultithread", "--overcommit", "--gpus-per-task 1", "--x)touch=pwned"};
  job_.settings.lines = {"export OMPI_MCA_io=ompio"};
  EXPECT_EQ(start("CODE=0 SLURM_HINT=nomultithread SLURM_OVERCOMMIT=1 SLURM_GPUS_PER_TASK=1 CUDA_VISIBLE_DEVICES=0 "
                  "SLURM_GPUS_PER_NODE=1 LAYERSWEEP_DATA=/x LD_LIBRARY_PATH=/x"),
            0)
      << out_;
  for (const char* own :
       {"SLURM_HINT=nomultithread", "SLURM_OVERCOMMIT=1", "SLURM_GPUS_PER_TASK=1", "CUDA_VISIBLE_DEVICES=0",
        "LAYERSWEEP_DATA=/data", "LD_LIBRARY_PATH=/lib a", "OMPI_MCA_io=ompio"}) {
    EXPECT_THAT(environment(), Contains(own));
  }
  EXPECT_THAT(environment(), Not(Contains(StartsWith("SLURM_GPUS_PER_NODE="))));
  job_.settings.sbatch = {};
  job_.settings.gpus_per_node = 4;
  EXPECT_EQ(start("CODE=0 SLURM_GPUS_PER_NODE=4 CUDA_VISIBLE_DEVICES=0,1,2,3"), 0) << out_;
  for (const char* own : {"SLURM_GPUS_PER_NODE=4", "CUDA_VISIBLE_DEVICES=0,1,2,3"})
    EXPECT_THAT(environment(), Contains(own));
}

// Slurm 22.05 tells a job no end, and the first start of one no count: what is there was left by another.
TEST_F(BatchScript, AsksSlurmForItsEndAndRestarts) {
  const std::string left = "CODE=0 SLURM_JOB_END_TIME=1 SLURM_RESTART_COUNT=8 ";
  EXPECT_EQ(start(left + "SLURM_JOB_NODELIST=n[1-2]"), 0);
  EXPECT_THAT(environment(), AllOf(Contains("SLURM_JOB_END_TIME=1935817689"), Contains("SLURM_RESTART_COUNT=0")));
  EXPECT_THAT(out_, HasSubstr("job 7, start 1, 8 ranks on n[1-2] until 2031-05-06T07:08:09Z: "));
  EXPECT_EQ(start(left + "RESTARTS=12"), 0);
  EXPECT_THAT(environment(), Contains("SLURM_RESTART_COUNT=12"));
  EXPECT_THAT(out_, HasSubstr("start 13,"));
  for (const char* unknown : {"END=Unknown", "ID=8"}) {
    EXPECT_EQ(start(left + unknown), 0);
    EXPECT_THAT(environment(), AllOf(Not(Contains(StartsWith("SLURM_JOB_END_TIME="))), Contains("SLURM_RESTART_COUNT=0")));
    EXPECT_THAT(out_, HasSubstr("job 7, start 1, 8 ranks"));
  }
  job_.tasks.push_back(job_.tasks.front());
  EXPECT_EQ(start("CODE=0 SLURM_ARRAY_JOB_ID=6 SLURM_ARRAY_TASK_ID=1 ID=6_1 RESTARTS=1"), 0);
  EXPECT_THAT(environment(), AllOf(Contains("SLURM_JOB_END_TIME=1935817689"), Contains("SLURM_RESTART_COUNT=1")));
}

TEST_F(BatchScript, HoldsTheLinesOfTheCluster) {
  job_.settings.lines = {"export GREETING='good day'", "printf '%s\\n' \"$GREETING\" >\"$W/greeting\""};
  job_.settings.modules = {};
  EXPECT_EQ(start("CODE=0"), 0) << out_;
  EXPECT_EQ(text_of(folder_.path() / "greeting"), "good day\n");
}

TEST_F(BatchScript, GivesUpAfterSomeRequeuesWithoutProgress) {
  job_.settings.idle_requeues = 3;
  const auto requeued = [&](const std::string& environment) {
    const int code = start(environment);
    EXPECT_EQ(code == 0, out_.find("scontrol requeue") != std::string::npos);
    return code == 0;
  };
  EXPECT_TRUE(requeued("CODE=75"));
  EXPECT_TRUE(requeued("CODE=75"));
  EXPECT_TRUE(requeued("CODE=75 PROGRESS=1"));  // starts the count anew
  EXPECT_TRUE(requeued("CODE=75"));
  EXPECT_TRUE(requeued("CODE=75"));
  EXPECT_FALSE(requeued("CODE=75"));
  EXPECT_THAT(out_, HasSubstr("3 times in a row"));
  EXPECT_TRUE(requeued("CODE=75 SLURM_JOB_ID=8"));  // another submission has its own count
  EXPECT_THAT(text_of(job_.tasks[0].run_folder / "requeues.ini"),
              AllOf(HasSubstr("job = 8\n"), HasSubstr("requeues = 1\n")));
}

TEST_F(BatchScript, RefusesASlurmWithoutTheWireUp) {
  EXPECT_EQ(start("CODE=0 MPI='none pmix_v4'"), 1);
  EXPECT_THAT(out_, AllOf(HasSubstr("no pmix"), Not(HasSubstr("threads"))));
  job_.settings.launcher = {"mpirun", "-n", "8"};
  program("mpirun", "shift 2; exec \"$@\"");
  EXPECT_EQ(start("CODE=0 MPI=none"), 0) << out_;
}

TEST_F(BatchScript, LoadsModulesInOrderAndStopsWithoutThem) {
  job_.settings.modules = {"gcc/12", "it's"};
  EXPECT_EQ(start("CODE=0 'BASH_FUNC_module%%=() { printf \"module <%s>\\n\" \"$@\"; }'"), 0) << out_;
  EXPECT_THAT(out_, HasSubstr("module <load>\nmodule <gcc/12>\nmodule <it's>\n"));
  EXPECT_EQ(start("CODE=0 'BASH_FUNC_module%%=() { return 1; }'"), 1);
}

}  // namespace
}  // namespace layersweep::submit
