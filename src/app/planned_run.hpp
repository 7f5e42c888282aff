// What `layersweep plan` prints.
#pragma once

#include <string>
#include <vector>

#include "plan/run.hpp"

namespace layersweep::app {

/// The report. `results_bytes` are those of results.h5 before compression; `experiment_arguments` are the file and its
/// --set, for the command to submit.
std::string planned_run_text(const plan::PlannedRun& run, const plan::PlanInput& input, double results_bytes,
                             const std::string& experiment_arguments);

/// Predicted use of 1 to 1,024 ranks, as a Markdown table.
std::string scaling_text(const std::vector<plan::UnitWork>& work, const plan::Calibration& calibration, int shards);

}  // namespace layersweep::app
