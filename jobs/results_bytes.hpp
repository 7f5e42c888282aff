// How large the results of a run will be.
#pragma once

#include "plan/run.hpp"

namespace layersweep::jobs {

/// Bytes of results.h5 before compression. Pure.
double results_bytes(const plan::PlanInput& input, const plan::PlannedRun& run);

}  // namespace layersweep::jobs
