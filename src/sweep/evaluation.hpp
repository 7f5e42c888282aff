// Hard-mask evaluation of probes over many examples, shared by the ranks of a team, and points by its point groups. Between
// two batches of texts a team may end it, by Team::between_pieces. Parameters may lie on any device; `active` and all that
// is given back lie in the host's memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "data/corpus.hpp"
#include "model/model.hpp"
#include "probe/evaluate.hpp"
#include "sweep/selection.hpp"
#include "sweep/team.hpp"
#include "sweep/trained_unit.hpp"

namespace layersweep::sweep {

/// Cuts `examples` so that copies x examples x longest stays within `token_budget`, at least one example a piece.
std::vector<std::vector<std::int64_t>> micro_batches(const data::Corpus& corpus, std::span<const std::int64_t> examples,
                                                     std::int64_t copies, std::int64_t token_budget);

/// Scores on the first `examples` texts of the corpus (0: all), per point and seed; NaN for cells not `active` (P x S
/// bool). The same figures on every rank and, since no product spans two shards, for every number of ranks. Collective.
CellTable<Score> evaluate_cells(const Team& team, const model::Model& model, const data::Corpus& corpus,
                                std::int64_t examples, const probe::ProbeLayout& layout, const at::Tensor& parameters,
                                const at::Tensor& active, std::int64_t token_budget);

/// The same under random masks in place of the probes': every token is kept with the probability `shares[point][seed]`, by
/// a draw that depends on the example and the position only.
CellTable<Score> evaluate_random_masks(const Team& team, const model::Model& model, const data::Corpus& corpus,
                                       const probe::ProbeLayout& layout, const at::Tensor& parameters,
                                       const at::Tensor& active, const CellTable<double>& shares, std::int64_t token_budget);

/// Gate logits of every probe at every token of the corpus, in its order: P x S x tokens. The same bits on every rank and
/// every number of ranks. Collective.
at::Tensor gate_logits_of(const Team& team, const model::Model& model, const data::Corpus& corpus,
                          const probe::ProbeLayout& layout, const at::Tensor& parameters, std::int64_t token_budget);

}  // namespace layersweep::sweep
