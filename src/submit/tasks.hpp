// What a job runs: one run of an experiment, or one for each task of an array job.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace layersweep::submit {

struct ArrayTask {
  std::filesystem::path experiment;    ///< absolute
  std::filesystem::path run_folder;    ///< absolute
  std::vector<std::string> arguments;  ///< further words of `layersweep run`, "--set", "section.key=value"
  int threads = 0;                     ///< run.threads; 0 where the experiment leaves it open
};

enum class SplitSeeds {
  no,
  yes,  ///< a task for each probe seed, in the folder <run.folder>/probe.seeds=<seed>
};

/// A task for every run that the experiments describe: one each, more where they sweep over settings (config/sweep.hpp) or
/// their seeds are split. In the order of the files, their seeds, their combinations. Relative paths start at `here`, the
/// folder in which the job will run too. Throws what config::load_sweep throws, and UsageError when two tasks would share
/// a run folder.
std::vector<ArrayTask> tasks_of(std::span<const std::string> files, std::span<const std::string> overrides,
                                std::span<const std::string> sweeps, SplitSeeds split, const std::filesystem::path& here);

/// Where the logs of a job lie: its run folder, or the innermost folder that holds those of all its tasks.
std::filesystem::path log_folder(std::span<const ArrayTask> tasks);

}  // namespace layersweep::submit
