#include "submit/batch_script.hpp"

#include <fmt/format.h>

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
  for (const Task& task : job.tasks) threads = std::max(threads, task.threads);
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

// The words between the launcher's own and the program.
std::string launcher_words(const Job& job) {
  const std::vector<std::string>& launcher = job.settings.launcher;
  std::string words;
  for (const std::string& word : launcher) words += (words.empty() ? "" : " ") + shell_quoted(word);
  // A rank that has stopped must not get the others killed while they still write: the exit code would be lost. But one that
  // died must not keep them for ever: half an hour is what the end of a checkpoint may take.
  if (std::filesystem::path(launcher.front()).filename() == "srun") {
    words += fmt::format(" --kill-on-bad-exit=0 --wait=1800 --cpus-per-task={}", threads_of(job));
  }
  return words;
}

std::string environment_lines(const Job& job) {
  std::string lines;
  if (!job.settings.modules.empty()) {
    lines += "module load";
    for (const std::string& module : job.settings.modules) lines += " " + shell_quoted(module);
    lines += " || exit 1\n";
  }
  for (const auto& [name, value] : job.environment) lines += fmt::format("export {}={}\n", name, shell_quoted(value));
  for (const std::string& line : job.settings.lines) lines += line + "\n";
  return lines + fmt::format("export OMP_NUM_THREADS={}", threads_of(job));
}

std::string task_cases(const Job& job) {
  std::string cases;
  for (std::size_t t = 0; t < job.tasks.size(); ++t) {
    const Task& task = job.tasks[t];
    cases += fmt::format("  {})\n    experiment={}\n    run={}\n    arguments=(", t, shell_quoted(task.experiment.string()),
                         shell_quoted(task.run_folder.string()));
    for (const std::string& word : task.arguments) cases += shell_quoted(word) + " ";
    cases += fmt::format("--set run.threads={})\n    ;;\n", threads_of(job));
  }
  cases.pop_back();
  return cases;
}

}  // namespace

std::string batch_script(const Job& job) {
  return filled(batch_template, {{"sbatch", sbatch_lines(job)},
                                 {"environment", environment_lines(job)},
                                 {"tasks", task_cases(job)},
                                 {"program", shell_quoted(job.program.string())},
                                 {"launcher", launcher_words(job)},
                                 {"idle_requeues", std::to_string(job.settings.idle_requeues)}});
}

}  // namespace layersweep::submit
