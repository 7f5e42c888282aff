#include "submit/tasks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "config/sweep.hpp"

namespace layersweep::submit {

namespace {

std::filesystem::path absolute_in(const std::filesystem::path& here, const std::filesystem::path& path) {
  std::filesystem::path whole = (here / path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();  // "runs/a/" is "runs/a"
}

void refuse_shared_folders(const std::vector<ArrayTask>& tasks) {
  for (auto task = tasks.begin(); task != tasks.end(); ++task) {
    if (std::find_if(tasks.begin(), task, [&](const ArrayTask& other) { return other.run_folder == task->run_folder; }) !=
        task) {
      throw base::UsageError(fmt::format("two tasks would run in {}", task->run_folder.string()),
                             "a run folder belongs to one run", "Give each experiment a run.folder of its own");
    }
  }
}

// "probe.epsilon=0.05, probe.batch=32": no value holds a comma, which separates the values of a sweep.
std::vector<std::string> sweep_arguments(std::string_view label) {
  std::vector<std::string> arguments;
  while (!label.empty()) {
    const auto end = std::min(label.find(", "), label.size());
    arguments.insert(arguments.end(), {"--sweep", std::string(label.substr(0, end))});
    label.remove_prefix(std::min(end + 2, label.size()));
  }
  return arguments;
}

// The seeds of a task as overrides: none where they stay together.
std::vector<std::vector<std::string>> splits_of(const config::Experiment& whole, const std::filesystem::path& folder,
                                                SplitSeeds split) {
  if (split == SplitSeeds::no) return {{}};
  std::vector<std::vector<std::string>> splits;
  for (const std::int64_t seed : whole.probe.seeds) {
    const std::string setting = fmt::format("probe.seeds={}", seed);
    splits.push_back({setting, "run.folder=" + (folder / setting).string()});
  }
  return splits;
}

}  // namespace

std::vector<ArrayTask> tasks_of(std::span<const std::string> files, std::span<const std::string> overrides,
                                std::span<const std::string> sweeps, SplitSeeds split, const std::filesystem::path& here) {
  std::vector<ArrayTask> tasks;
  for (const std::string& file : files) {
    const auto whole = config::load_sweep(file, overrides, sweeps);
    // The folder above those of the combinations.
    std::filesystem::path folder = whole.front().experiment.run.folder;
    for (std::size_t level = sweep_arguments(whole.front().label).size() / 2; level > 0; --level) {
      folder = folder.parent_path();
    }
    for (const std::vector<std::string>& more : splits_of(whole.front().experiment, folder, split)) {
      std::vector<std::string> settings(overrides.begin(), overrides.end());
      settings.insert(settings.end(), more.begin(), more.end());
      for (const config::Combination& one : config::load_sweep(file, settings, sweeps)) {
        ArrayTask task{
            absolute_in(here, file), absolute_in(here, one.experiment.run.folder), {}, one.experiment.run.threads};
        for (const std::string& setting : settings) task.arguments.insert(task.arguments.end(), {"--set", setting});
        const auto sweep = sweep_arguments(one.label);
        task.arguments.insert(task.arguments.end(), sweep.begin(), sweep.end());
        tasks.push_back(std::move(task));
      }
    }
  }
  refuse_shared_folders(tasks);
  return tasks;
}

std::filesystem::path log_folder(std::span<const ArrayTask> tasks) {
  std::filesystem::path common = tasks.front().run_folder;
  for (const ArrayTask& task : tasks) {
    const auto [end, ignored] = std::mismatch(common.begin(), common.end(), task.run_folder.begin(), task.run_folder.end());
    std::filesystem::path shared;
    for (auto part = common.begin(); part != end; ++part) shared /= *part;
    common = shared;
  }
  // Folders that share nothing but the root: beside the first.
  return common.has_relative_path() ? common : tasks.front().run_folder.parent_path();
}

}  // namespace layersweep::submit
