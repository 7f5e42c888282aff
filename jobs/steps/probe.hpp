// Step 4: trains the probes of every unit that is not done yet, on teams of ranks.
#pragma once

#include <vector>

#include "jobs/context.hpp"
#include "model/model.hpp"
#include "sweep/train_probes.hpp"

namespace layersweep::jobs {

struct UnitResult {
  plan::Unit unit;
  sweep::TrainedUnit trained;
};

/// What is left of a unit that failed: cells of status failed.
sweep::TrainedUnit nothing_trained(const plan::Unit& unit, const std::vector<std::int64_t>& widths);

/// What becomes of units that failed in an earlier start, and of those with cells that were not finite.
enum class Failures { left, retried };

/// In the order of plan::units_of. Units found complete in the run folder are loaded, not trained. A unit that fails, now
/// or before, has only cells of status failed. Collective.
std::vector<UnitResult> probe(const Context& context, const model::Model& encoder, const Texts& texts,
                              Failures failures = Failures::left);

}  // namespace layersweep::jobs
