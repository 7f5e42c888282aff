// Step 4: masks of every probe on the extracted splits, all ranks into one results.h5.
#pragma once

#include <string>
#include <vector>

#include "encoder/encoder.hpp"
#include "jobs/context.hpp"
#include "jobs/probe.hpp"
#include "store/contents.hpp"

namespace layersweep::jobs {

/// One line on what a results file holds.
std::string results_title(const config::Experiment& experiment);

/// Writes the run folder's results.h5 from trained units. `provenance` comes without the parts that follow from the data.
/// Every rank evaluates a contiguous slab of examples; the contents do not depend on the number of ranks. Throws
/// sweep::Stopped on all ranks when they are asked to stop; nothing of the file is left then. Collective.
void extract(const Context& context, const encoder::Encoder& encoder, const Texts& texts,
             const std::vector<UnitResult>& units, const store::Provenance& provenance);

}  // namespace layersweep::jobs
