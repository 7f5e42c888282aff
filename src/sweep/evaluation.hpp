// Hard-mask evaluation of probes over many examples, shared by the ranks of a team.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "data/corpus.hpp"
#include "encoder/encoder.hpp"
#include "probe/evaluate.hpp"
#include "sweep/selection.hpp"
#include "sweep/team.hpp"

namespace layersweep::sweep {

/// Cuts `examples` so that copies x examples x longest stays within `token_budget`, at least one example a piece.
std::vector<std::vector<std::int64_t>> micro_batches(const data::Corpus& corpus, std::span<const std::int64_t> examples,
                                                     std::int64_t copies, std::int64_t token_budget);

/// Scores on the first `examples` texts of the corpus (0: all), per point and seed; NaN for cells not `active` (P x S
/// bool). The same figures on every rank and, since no product spans two shards, for every number of ranks. Collective.
std::vector<std::vector<Score>> evaluate_cells(const Team& team, const encoder::Encoder& encoder, const data::Corpus& corpus,
                                               std::int64_t examples, const probe::ProbeLayout& layout,
                                               const at::Tensor& parameters, const at::Tensor& active,
                                               std::int64_t token_budget);

}  // namespace layersweep::sweep
