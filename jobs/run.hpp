// A whole run: prepare, finetune, statistics, probe, explain, extract; each step finds what was done before and goes on from
// there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "config/experiment.hpp"

namespace layersweep::jobs {

/// In the order in which they run; `--steps` takes these names.
const std::vector<std::string_view>& step_names();

struct RunOptions {
  std::vector<std::string> steps;  ///< empty: all
  std::string command;             ///< as typed, for the provenance
  bool retry = false;              ///< trains again what failed
};

/// Runs on all ranks of the world; prints the result table on rank 0. Collective.
base::ExitCode run(const config::Experiment& experiment, const RunOptions& options);

}  // namespace layersweep::jobs
