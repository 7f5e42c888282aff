// Step 6: masks of every probe on the extracted splits, all ranks into one results.h5.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "jobs/context.hpp"
#include "jobs/steps/probe.hpp"
#include "model/model.hpp"
#include "store/contents.hpp"

namespace layersweep::jobs {

/// One line on what a results file holds.
std::string results_title(const config::Experiment& experiment);

/// Writes the run folder's results.h5 from trained units, with the statistics of the hidden states and the explanations
/// where these steps were run. `provenance` comes without the parts that follow from the data. Every rank evaluates a
/// contiguous slab of examples; the contents do not depend on the number of ranks. Throws sweep::Stopped on all ranks when
/// they are asked to stop; nothing of the file is left then. Collective.
void extract(const Context& context, const model::Model& encoder, const Texts& texts, const std::vector<UnitResult>& units,
             const store::Provenance& provenance);

/// What masks are written of, and where to.
struct Extraction {
  const sweep::Ranks& ranks;
  const config::Experiment& experiment;
  const model::Model& encoder;
  const Texts& texts;
  std::vector<terms::Split> splits;
  const store::Provenance& provenance;
  std::filesystem::path file;
};

/// Writes a file of the same layout of other texts. The figures on dev, and so what is accepted and chosen, are those of
/// `judged`, the results of the run; there are no curves. Throws InputError when that file is missing or of other probes.
/// Collective.
void extract_as_judged(const Extraction& what, const std::vector<UnitResult>& units, const std::filesystem::path& judged);

}  // namespace layersweep::jobs
