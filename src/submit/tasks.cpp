#include "submit/tasks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "config/load.hpp"

namespace layersweep::submit {

namespace {

std::filesystem::path absolute_in(const std::filesystem::path& here, const std::filesystem::path& path) {
  std::filesystem::path whole = (here / path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();  // "runs/a/" is "runs/a"
}

void refuse_shared_folders(const std::vector<Task>& tasks) {
  for (auto task = tasks.begin(); task != tasks.end(); ++task) {
    if (std::find_if(tasks.begin(), task, [&](const Task& other) { return other.run_folder == task->run_folder; }) != task) {
      throw base::UsageError(fmt::format("two tasks would run in {}", task->run_folder.string()),
                             "a run folder belongs to one run", "Give each experiment a run.folder of its own");
    }
  }
}

}  // namespace

std::vector<Task> tasks_of(std::span<const std::string> files, std::span<const std::string> overrides, ArrayOver over,
                           const std::filesystem::path& here) {
  std::vector<Task> tasks;
  for (const std::string& file : files) {
    const std::filesystem::path path = absolute_in(here, file);
    const config::Experiment whole = config::load(file, overrides);
    if (over == ArrayOver::experiments) {
      tasks.push_back({path, absolute_in(here, whole.run.folder), {overrides.begin(), overrides.end()}, whole.run.threads});
      continue;
    }
    for (const std::int64_t seed : whole.probe.seeds) {
      Task task{path, {}, {overrides.begin(), overrides.end()}, whole.run.threads};
      const auto folder = whole.run.folder / fmt::format("probe.seeds={}", seed);
      task.overrides.push_back(fmt::format("probe.seeds={}", seed));
      task.overrides.push_back("run.folder=" + folder.string());
      task.run_folder = absolute_in(here, config::load(file, task.overrides).run.folder);
      tasks.push_back(std::move(task));
    }
  }
  refuse_shared_folders(tasks);
  return tasks;
}

std::filesystem::path log_folder(std::span<const Task> tasks) {
  std::filesystem::path common = tasks.front().run_folder;
  for (const Task& task : tasks) {
    const auto [end, ignored] = std::mismatch(common.begin(), common.end(), task.run_folder.begin(), task.run_folder.end());
    std::filesystem::path shared;
    for (auto part = common.begin(); part != end; ++part) shared /= *part;
    common = shared;
  }
  // Folders that share nothing but the root: beside the first.
  return common.has_relative_path() ? common : tasks.front().run_folder.parent_path();
}

}  // namespace layersweep::submit
