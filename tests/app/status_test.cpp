// What `layersweep status` tells of a run folder: each state is laid out by hand as the run's own files would.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "app/run_status.hpp"
#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/printable.hpp"
#include "program.hpp"

namespace layersweep::app {
namespace {

namespace fs = std::filesystem;
using sweep::Holder;
using sweep::progress_word;
using sweep::read_run_status;
using sweep::RunStatus;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Phase = sweep::UnitStatus::Phase;

class Status : public testing::Test {
 protected:
  Status() {
    write("experiment.ini",
          "[task]\nname = counting\n[probe]\nmodes = hidden,input\nseeds = 3,5\nseeds_per_unit = 1\nmax_steps = 900\n");
  }
  fs::path run() const { return folder_.path(); }
  void write(const fs::path& name, const std::string& text = "x") const {
    fs::create_directories((run() / name).parent_path());
    std::ofstream(run() / name) << text;
  }
  test::TemporaryFolder folder_;
};

TEST_F(Status, TellsOfEveryUnit) {
  write("units/hidden-3/done.json", "{}");
  write("units/hidden-3/probes.safetensors");
  write("units/hidden-5/checkpoint-90/manifest.json", "{}");
  write("units/hidden-5/checkpoint-100/manifest.json", "{}");
  write("units/hidden-5/checkpoint-200.part/manifest.json", "{}");
  write("units/input-3/failed.json", R"({"reason": "rank 3 is missing"})");
  const RunStatus status = read_run_status(run());
  ASSERT_EQ(status.units.size(), 4U);
  EXPECT_EQ(status.units[0].phase, Phase::done);
  EXPECT_EQ(status.units[1].phase, Phase::training);
  EXPECT_EQ(status.units[1].step, 100);
  EXPECT_EQ(status.units[1].steps_at_most, 900);
  EXPECT_LT(status.units[1].age->count(), 100);
  EXPECT_EQ(status.units[2].phase, Phase::failed);
  EXPECT_EQ(status.units[2].reason, "rank 3 is missing");
  EXPECT_EQ(status.units[3].name, "input-5");
  EXPECT_EQ(status.units[3].phase, Phase::not_started);
  EXPECT_THAT(status_text(status),
              AllOf(HasSubstr("modes hidden, input; seeds 3, 5"), HasSubstr("1 of 4 done"), HasSubstr("step 100 of 900"),
                    HasSubstr("rank 3 is missing"), HasSubstr("model:    not yet"), HasSubstr("results:  not yet")));
}

TEST_F(Status, SteersNoTerminal) {
  write("units/input-3/failed.json", R"({"reason": "tensor \u001b[2J\nheld by:  nobody\u202e"})");
  write("lock", "process 12 on \x1b[2J\r\xff, job 33 since 2026-01-31T12:00:00Z\nmachine nonce 33@cluster 2 17\n");
  write("requeues.ini", "job = 12\x1b[2J\nrequeues = 4\n");
  const RunStatus status = read_run_status(run());
  const std::string text = status_text(status);
  EXPECT_EQ(text, base::printable_lines(text));
  EXPECT_THAT(text, AllOf(HasSubstr("failed: tensor \\x1b[2J\\nheld by:  nobody\\u202e\n"),
                          HasSubstr("process 12 on \\x1b[2J\\r\\xff, job 33"), HasSubstr("job 12\\x1b[2J\n")));
  // For programs the reason is as it was.
  EXPECT_EQ(nlohmann::json::parse(status_json(status)).at("units").at(2).at("reason"),
            "tensor \x1b[2J\nheld by:  nobody\u202e");
}

TEST_F(Status, TellsOfModelResultsAndRequeues) {
  write("model/model.safetensors");
  write("results.h5");
  write("requeues.ini", "job = 12\nrequeues = 4\nidle = 1\nprogress = 00ff\n");
  const RunStatus status = read_run_status(run());
  EXPECT_TRUE(status.has_model);
  EXPECT_TRUE(status.has_results);
  EXPECT_THAT(status_text(status), HasSubstr("requeues: 4 of job 12, the last 1 without progress"));
}

TEST_F(Status, TellsWhetherTheHolderLives) {
  EXPECT_EQ(read_run_status(run()).holder, std::nullopt);
  const std::string here = fmt::format("process {} on {} since 2026-01-31T12:00:00Z", ::getpid(), base::host_name());
  write("lock", here);
  EXPECT_EQ(read_run_status(run()).holder->life, Holder::Life::gone);

  const int lock = ::open((run() / "lock").c_str(), O_RDWR);
  ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  const RunStatus held = read_run_status(run());
  EXPECT_EQ(held.holder->life, Holder::Life::alive);
  EXPECT_EQ(held.holder->process, ::getpid());
  EXPECT_THAT(status_text(held), HasSubstr(here + ", which is alive"));
  ::close(lock);
  EXPECT_EQ(read_run_status(run()).holder->life, Holder::Life::gone);

  // Elsewhere the record tells, which a living holder renews.
  const std::string there = "process 12 on some-other-host, job 33 restart 2 since 2026-01-31T12:00:00Z";
  write("lock", there + "\nmachine nonce 33@cluster 2 17\n");
  const RunStatus elsewhere = read_run_status(run());
  EXPECT_EQ(elsewhere.holder->life, Holder::Life::alive);
  EXPECT_EQ(elsewhere.holder->host, "some-other-host");
  EXPECT_EQ(elsewhere.holder->job, "33");
  EXPECT_THAT(status_text(elsewhere), HasSubstr("held by:  " + there + ", which is alive\n"));
  fs::last_write_time(run() / "lock", fs::file_time_type::clock::now() - std::chrono::minutes(7));
  EXPECT_EQ(read_run_status(run()).holder->life, Holder::Life::silent);
  EXPECT_THAT(status_text(read_run_status(run())), HasSubstr(there + ", silent for 7 min"));
  write("lock", there + "\nreleased\n        ");
  EXPECT_EQ(read_run_status(run()).holder->life, Holder::Life::gone);
  EXPECT_THAT(status_text(read_run_status(run())), HasSubstr("held by:  nobody; last by " + there + "\n"));
}

// 9,000 examples, or the first 1,000, in batches of 64.
TEST_F(Status, KnowsHowManyStepsThereAre) {
  write("experiment.ini", "[task]\nname = counting\n[probe]\nmodes = input\nepochs = 2\n");
  EXPECT_EQ(read_run_status(run()).units.at(0).steps_at_most, 2 * 141);
  write("experiment.ini", "[task]\nname = counting\nlimit = 1000\n[probe]\nmodes = input\nepochs = 2\n");
  EXPECT_EQ(read_run_status(run()).units.at(0).steps_at_most, 2 * 16);
  write("experiment.ini", "[task]\nname = sst\ndata = /no/where\n[encoder]\nfolder = /no/where\n[probe]\nmodes = input\n");
  EXPECT_EQ(read_run_status(run()).units.at(0).steps_at_most, std::nullopt);
}

TEST_F(Status, TellsOfFineTuning) {
  write("model.training/checkpoint-40/manifest.json");
  EXPECT_THAT(status_text(read_run_status(run())), HasSubstr("model:    training: checkpoint of step 40\n"));
}

TEST_F(Status, LookingDoesNotGetInTheWayOfAStartingRun) {
  write("lock", fmt::format("process {} on {} since 2026-01-31T12:00:00Z", ::getpid(), base::host_name()));
  const int lock = ::open((run() / "lock").c_str(), O_RDWR);
  for (int n = 0; n < 20; ++n) {
    read_run_status(run());
    ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
    ASSERT_EQ(::flock(lock, LOCK_UN), 0);
  }
  ::close(lock);
}

TEST_F(Status, ProgressIsWhatIsDurable) {
  std::string word = progress_word(run());
  const auto changes = [&] {
    const std::string before = word;
    word = progress_word(run());
    return word != before;
  };
  fs::create_directories(run() / "units/hidden-3");
  EXPECT_FALSE(changes());
  for (const char* file :
       {"lock", "nonce", "requeues.ini", "slurm-12.log", "job.sh", "model.part/model.safetensors",
        "units/hidden-3/checkpoint-30.part/manifest.json", "units/hidden-3/checkpoint-30.damaged/x", "units/hidden-3/log"}) {
    write(file);
    EXPECT_FALSE(changes()) << file;
  }
  for (const char* file : {"tokens/train.bin", "model.training/checkpoint-9/manifest.json", "model/model.safetensors",
                           "units/hidden-3/checkpoint-10/manifest.json", "units/hidden-3/checkpoint-20/manifest.json",
                           "units/hidden-3/done.json", "results.h5"}) {
    write(file);
    EXPECT_TRUE(changes()) << file;
  }
  fs::remove_all(run() / "units/hidden-3/checkpoint-10");
  EXPECT_TRUE(changes());
}

TEST_F(Status, ByCommand) {
  write("units/hidden-5/checkpoint-100/manifest.json", "{}");
  write("units/hidden-5/log", "== a start");
  const std::string at = "'" + run().string() + "'";
  const test::Outcome text = test::shell("$L status " + at);
  EXPECT_EQ(text.exit_code, 0) << text.error;
  EXPECT_THAT(text.out, AllOf(HasSubstr("run:      " + run().string()), HasSubstr("training: checkpoint of step 100 of 900"),
                              HasSubstr("; log: " + (run() / "units/hidden-5/log").string())));
  const auto json = nlohmann::json::parse(test::shell("$L status --json " + at).out);
  EXPECT_EQ(json.at("units").at(1).at("state"), "training");
  EXPECT_EQ(json.at("units").at(1).at("step"), 100);
  EXPECT_EQ(json.at("units").at(1).at("log"), (run() / "units/hidden-5/log").string());
  EXPECT_EQ(json.at("seeds"), (std::vector<int>{3, 5}));
  EXPECT_EQ(test::shell("$L status --progress " + at).out, progress_word(run()) + "\n");
  // Many ranks' worth of Slurm around it change nothing: status starts no MPI.
  EXPECT_EQ(test::shell("SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=4 $L status " + at).exit_code, 0);

  for (const char* other : {"/no/where", "/"}) {
    const test::Outcome refused = test::shell(std::string("$L status ") + other);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.error, AllOf(HasSubstr("is no run folder"), HasSubstr(other)));
  }
}

TEST(Submit, PrintsTheScriptAndNeedsSbatch) {
  const test::TemporaryFolder folder;
  const std::string at = folder.path().string();
  std::ofstream(folder.path() / "it's an experiment.ini") << "[task]\nname = counting\n";
  const std::string submit =
      "cd '" + at + "' && $L submit \"it's an experiment.ini\" --nodes 2 --ranks-per-node 2 --time 60";
  const std::string paths = "export PATH='" + at + "':\"$PATH\" LD_LIBRARY_PATH='/a b'; ";
  const test::Outcome dry = test::shell(paths + submit + " --dry-run");
  EXPECT_EQ(dry.exit_code, 0) << dry.error;
  EXPECT_THAT(dry.out, testing::StartsWith("#!/bin/bash\n#SBATCH --job-name=\"it's an experiment\"\n"));
  EXPECT_THAT(dry.out, AllOf(HasSubstr("\nexport PATH=" + at + ":"), HasSubstr("\nexport LD_LIBRARY_PATH='/a b'\n")));
  EXPECT_FALSE(fs::exists(folder.path() / "runs"));

  // sbatch's own exit code and messages decide.
  std::ofstream(folder.path() / "sbatch") << "#!/bin/sh\necho \"got $1\"\nenv\nexit $CODE\n";
  fs::permissions(folder.path() / "sbatch", fs::perms::owner_all);
  // sbatch would obey these rather than the script.
  const test::Outcome sent =
      test::shell(paths + "export CODE=0 SBATCH_QOS=x SLURM_HINT=x SLURM_JOB_ID=5 SLURM_CONF=/c SLURM_JWT=t; " + submit);
  EXPECT_EQ(sent.exit_code, 0) << sent.error;
  EXPECT_THAT(sent.out, AllOf(HasSubstr("\nSLURM_CONF=/c\n"), HasSubstr("\nSLURM_JWT=t\n"), HasSubstr("\nPATH=" + at)));
  for (const char* left : {"SBATCH_QOS", "SLURM_HINT", "SLURM_JOB_ID"}) EXPECT_THAT(sent.out, Not(HasSubstr(left)));
  const std::string script = at + "/runs/it's an experiment/job.sh";
  EXPECT_THAT(sent.out, HasSubstr("got " + script + "\n"));
  EXPECT_EQ(test::shell("cat \"" + script + "\"").out, dry.out);
  const test::Outcome refused = test::shell("export CODE=1; PATH='" + at + "':$PATH; " + submit);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.error, HasSubstr("sbatch refused the job"));

  const test::Outcome without = test::shell("PATH=/no/where; " + submit);
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_THAT(without.error, HasSubstr("there is no sbatch in PATH"));
  EXPECT_EQ(test::shell(submit + " --array points --dry-run").exit_code, 2);
  EXPECT_EQ(test::shell(submit + " --cluster nowhere --dry-run").exit_code, 2);
  EXPECT_EQ(test::shell(submit + " --cluster /no/where.ini --dry-run").exit_code, 1);
}

}  // namespace
}  // namespace layersweep::app
