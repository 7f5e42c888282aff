// The batch script of a job, from the template slurm/job.sh: a pure function of what is asked for.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "submit/settings.hpp"
#include "submit/tasks.hpp"

namespace layersweep::submit {

struct Job {
  std::filesystem::path program;  ///< this program, absolute
  std::filesystem::path folder;   ///< where the job runs; relative paths in experiments start here
  std::vector<ArrayTask> tasks;   ///< one: a plain job; more: an array job
  Settings settings;
  std::vector<std::pair<std::string, std::string>> environment;  ///< what the job needs of the submitting shell
};

/// Throws UsageError for names that no batch script can hold.
std::string batch_script(const Job& job);

}  // namespace layersweep::submit
