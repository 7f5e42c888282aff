// Step 6: masks of every probe on the extracted splits, all ranks into one results.h5.
#pragma once

#include <filesystem>
#include <vector>

#include "jobs/context.hpp"
#include "jobs/steps/probe.hpp"
#include "model/model.hpp"
#include "store/contents.hpp"

namespace layersweep::jobs {

/// What masks are written of, and where to.
struct Extraction {
  const sweep::Ranks& ranks;
  const config::Experiment& experiment;
  const model::Model& model;
  const Texts& texts;
  const std::vector<UnitResult>& units;
  std::vector<terms::Split> splits;
  store::Provenance provenance;
  std::filesystem::path file;
  /// The run that trained the units, for its own results: the probes are judged on dev, and curves go along, with the
  /// statistics of the hidden states and the explanations where these steps were run. None for masks of other texts.
  const Context* run = nullptr;
  /// For those: the results of the run, whose judgement is copied.
  std::filesystem::path judged = {};
};

/// Writes the file. Every rank evaluates a contiguous slab of examples; the contents do not depend on the number of ranks.
/// Throws InputError when `judged` is missing or of other probes, and sweep::Stopped on all ranks when they are asked to
/// stop; nothing of the file is left then. Collective.
void extract(const Extraction& extraction);

}  // namespace layersweep::jobs
