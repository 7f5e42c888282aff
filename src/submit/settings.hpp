// How a job is asked for and started on a cluster. One table of settings: each is a key of the cluster's .ini and an option
// of the command line, which wins.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/command_line.hpp"

namespace layersweep::submit {

struct Settings {
  int nodes = 0;
  int ranks_per_node = 0;
  std::optional<int> threads_per_rank;  ///< none: run.threads of the experiment, else 1
  int gpus_per_node = 0;
  std::chrono::seconds time{0};
  std::optional<std::chrono::seconds> margin;  ///< none: margin_of() decides
  std::string partition;
  std::string account;
  std::vector<std::string> sbatch;                             ///< further options of sbatch, "--qos=long"
  std::vector<std::string> modules;                            ///< loaded in this order
  std::vector<std::string> lines;                              ///< of shell, run on the first node before the ranks start
  std::vector<std::string> launcher = {"srun", "--mpi=pmix"};  ///< words of the command that starts the ranks
  int idle_requeues = 3;                                       ///< requeues without progress that are put up with
};

/// How long before the time limit the ranks are told to stop: what was set, else a tenth of the time, at least a minute
/// and at most ten, and never more than a quarter of the time.
std::chrono::seconds margin_of(const Settings& settings);

/// The settings as options of a command.
std::vector<config::Argument> settings_arguments();

/// The settings of a cluster's file (its text may be empty; `origin` names it in messages), overridden by the command
/// line; sbatch options add up. Throws UsageError for unknown keys (with near ones), wrong values, what must be set and is
/// not, and what does not fit together.
Settings read_settings(std::string_view file_text, const std::string& origin, const config::Arguments& arguments);

}  // namespace layersweep::submit
