#include "submit/batch_script.hpp"

#include <fmt/format.h>

#include <cctype>
#include <map>

#include "base/error.hpp"
#include "submit/duration.hpp"
#include "submit/quote.hpp"
#include "submit/template.hpp"

namespace layersweep::submit {

namespace {

// Replaces {{name}} in one pass, so that what was filled in is never read as a template.
std::string filled(std::string_view text, const std::map<std::string, std::string, std::less<>>& values) {
  std::string result;
  for (;;) {
    const auto begin = text.find("{{");
    const auto end = text.find("}}", begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) return result + std::string(text);
    const auto value = values.find(text.substr(begin + 2, end - begin - 2));
    base::ensure(value != values.end(), "the batch template asks for a value that there is");
    result += std::string(text.substr(0, begin)) + value->second;
    text.remove_prefix(end + 2);
  }
}

int threads_of(const Job& job) {
  if (job.settings.threads_per_rank) return *job.settings.threads_per_rank;
  int threads = 1;
  for (const ArrayTask& task : job.tasks) threads = std::max(threads, task.threads);
  return threads;
}

std::string sbatch_lines(const Job& job) {
  const Settings& settings = job.settings;
  const bool array = job.tasks.size() > 1;
  std::string lines;
  const auto add = [&](const std::string& line) { lines += "#SBATCH " + line + "\n"; };
  add("--job-name=" + sbatch_quoted(job.tasks.front().experiment.stem().string(), "the name of the experiment"));
  add(fmt::format("--nodes={}", settings.nodes));
  add(fmt::format("--ntasks-per-node={}", settings.ranks_per_node));
  add(fmt::format("--cpus-per-task={}", threads_of(job)));
  if (settings.gpus_per_node > 0) add(fmt::format("--gpus-per-node={}", settings.gpus_per_node));
  add("--time=" + duration_text(settings.time));
  if (!settings.partition.empty()) add("--partition=" + sbatch_quoted(settings.partition, "the partition"));
  if (!settings.account.empty()) add("--account=" + sbatch_quoted(settings.account, "the account"));
  if (array) add(fmt::format("--array=0-{}", job.tasks.size() - 1));
  add(fmt::format("--signal=USR1@{}", margin_of(settings).count()));
  add("--requeue");
  add("--open-mode=append");
  add("--chdir=" + sbatch_quoted(job.folder.string(), "the current folder"));
  add("--output=" + sbatch_file_quoted(log_folder(job.tasks).string() + "/slurm-", "the run folder") +
      (array ? "%A_%a.log" : "%j.log"));
  for (const std::string& option : settings.sbatch) add(option);
  lines.pop_back();
  return lines;
}

int ranks_of(const Settings& settings) { return settings.nodes * settings.ranks_per_node; }

// The words between the launcher's own and the program.
std::string launcher_words(const Job& job) {
  const Settings& settings = job.settings;
  std::string words;
  for (const std::string& word : settings.launcher) words += (words.empty() ? "" : " ") + shell_quoted(word);
  if (std::filesystem::path(settings.launcher.front()).filename() != "srun") return words;
  words += fmt::format(" --nodes={} --ntasks={} --ntasks-per-node={} --cpus-per-task={}", settings.nodes, ranks_of(settings),
                       settings.ranks_per_node, threads_of(job));
  // A rank that has stopped must not get the others killed while they still write: the exit code would be lost. But one that
  // died must not keep them for ever: half an hour is what the end of a checkpoint may take.
  return words + " --kill-on-bad-exit=0 --wait=1800";
}

// Variables, as patterns of a shell's case, that Slurm sets anew for this job because of what it asks for.
std::string kept_variables(const Job& job) {
  std::vector<std::string> names;
  if (job.tasks.size() > 1) names = {"SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"};
  std::vector<std::string> options = job.settings.sbatch;
  if (job.settings.gpus_per_node > 0) options.emplace_back("--gpus-per-node");
  for (const std::string_view option : options) {
    // In SLURM_HINT sbatch hands --hint=nomultithread on to srun.
    std::string& name = names.emplace_back("SLURM_");
    for (const char c : option.substr(2, option.find_first_of("= \t") - 2)) {
      name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    for (const char* gpus : {"--gpus", "--gres", "--tres"}) {
      if (option.starts_with(gpus)) names.emplace_back("CUDA_VISIBLE_DEVICES");
    }
  }
  std::string patterns;
  for (const std::string& name : names) patterns += " | " + shell_quoted(name);
  return patterns;
}

std::string environment_lines(const Job& job) {
  const Settings& settings = job.settings;
  std::string lines;
  for (const auto& [name, value] : job.environment) lines += fmt::format("export {}={}\n", name, shell_quoted(value));
  if (!settings.modules.empty()) {
    lines += "module load";
    for (const std::string& module : settings.modules) lines += " " + shell_quoted(module);
    lines += " || exit 1\n";
  }
  for (const std::string& line : settings.lines) lines += line + "\n";
  // mpirun counts by SLURM_TASKS_PER_NODE, which Slurm leaves as it is where `srun --distribution=arbitrary` left its nodes.
  const std::string repeated = settings.nodes > 1 ? fmt::format("(x{})", settings.nodes) : "";
  return lines + fmt::format("export OMP_NUM_THREADS={}\nexport SLURM_NTASKS={} SLURM_TASKS_PER_NODE='{}{}'",
                             threads_of(job), ranks_of(settings), settings.ranks_per_node, repeated);
}

std::string task_lines(const Job& job, const ArrayTask& task) {
  std::string lines = fmt::format("experiment={}\nrun={}\narguments=(", shell_quoted(task.experiment.string()),
                                  shell_quoted(task.run_folder.string()));
  for (const std::string& word : task.arguments) lines += shell_quoted(word) + " ";
  return lines + fmt::format("--set run.threads={})\n", threads_of(job));
}

// What this start runs, and the name by which Slurm knows it: an array's last task has the number of the whole array.
std::string chosen_task(const Job& job) {
  if (job.tasks.size() == 1) return task_lines(job, job.tasks.front()) + "id=$SLURM_JOB_ID";
  std::string cases = "case $SLURM_ARRAY_TASK_ID in\n";
  for (std::size_t t = 0; t < job.tasks.size(); ++t) {
    cases += fmt::format("  {})\n{}    ;;\n", t, task_lines(job, job.tasks[t]));
  }
  return cases + R"(  *)
    echo "error: this job has no task $SLURM_ARRAY_TASK_ID" >&2
    exit 2
    ;;
esac
id=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID)";
}

}  // namespace

std::string batch_script(const Job& job) {
  return filled(batch_template, {{"sbatch", sbatch_lines(job)},
                                 {"kept", kept_variables(job)},
                                 {"environment", environment_lines(job)},
                                 {"task", chosen_task(job)},
                                 {"program", shell_quoted(job.program.string())},
                                 {"launcher", launcher_words(job)},
                                 {"idle_requeues", std::to_string(job.settings.idle_requeues)}});
}

}  // namespace layersweep::submit
