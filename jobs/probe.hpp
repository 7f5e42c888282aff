// Step 3: trains the probes of every unit that is not done yet.
#pragma once

#include <vector>

#include "encoder/encoder.hpp"
#include "jobs/context.hpp"
#include "sweep/train_probes.hpp"

namespace layersweep::jobs {

struct UnitResult {
  sweep::Unit unit;
  sweep::TrainedUnit trained;
};

/// In the order of sweep::units_of. Units found complete in the run folder are loaded, not trained. Collective.
std::vector<UnitResult> probe(const Context& context, const encoder::Encoder& encoder, const Texts& texts);

}  // namespace layersweep::jobs
