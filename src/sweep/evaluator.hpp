// Evaluation of probes over many examples, shared by the ranks of a team, and points by its point groups. Between two
// batches of texts a team may end it, by RankHooks::between_pieces. Parameters may lie on any device; `active` (P x S bool)
// and all that is given back lie in the host's memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "data/corpus.hpp"
#include "model/model.hpp"
#include "probe/evaluate.hpp"
#include "sweep/ranks.hpp"
#include "sweep/selection.hpp"
#include "sweep/trained_unit.hpp"

namespace layersweep::sweep {

/// Cuts `examples` so that copies x examples x longest stays within `token_budget`, at least one example a piece.
std::vector<std::vector<std::int64_t>> micro_batches(const data::Corpus& corpus, std::span<const std::int64_t> examples,
                                                     std::int64_t copies, std::int64_t token_budget);

/// All calls are collective, with the same arguments on all ranks. They give the same bits on every rank and, since no
/// product spans two shards, for every number of ranks. Throws InputError when a rank does not come within the limit.
class Evaluator {
 public:
  /// Of probes of `layout` on the texts of `corpus`. Refers to all it is given. Independent.
  Evaluator(const Ranks& ranks, const model::Model& model, const data::Corpus& corpus, const probe::ProbeLayout& layout,
            std::int64_t token_budget)
      : ranks_(ranks), model_(model), corpus_(corpus), layout_(layout), token_budget_(token_budget) {}

  const probe::ProbeLayout& layout() const { return layout_; }

  /// Scores with hard masks on the first `examples` texts (0: all), per point and seed; NaN for cells not `active`.
  CellTable<Score> cells(const at::Tensor& parameters, const at::Tensor& active, std::int64_t examples = 0) const;

  /// The same on all texts under random masks in place of the probes': every token is kept with the probability
  /// `shares[point][seed]`, by a draw that depends on the example and the position only.
  CellTable<Score> random_masks(const at::Tensor& parameters, const at::Tensor& active,
                                const CellTable<double>& shares) const;

  /// Gate logits of every probe at every token of the corpus, in its order: P x S x tokens.
  at::Tensor gate_logits(const at::Tensor& parameters) const;

 private:
  using Piece = std::vector<std::int64_t>;
  using EvaluatePiece =
      std::function<probe::HardMasks(const Piece& piece, const probe::CleanPass& pass, probe::PointRange points)>;
  using TakePiece = std::function<void(const Piece& piece, const probe::CleanPass& pass)>;

  void for_my_pieces(std::int64_t examples, std::int64_t copies, const TakePiece& take) const;
  CellTable<Score> scores_of(std::int64_t examples, const at::Tensor& active, const EvaluatePiece& evaluate) const;
  void sum_over_ranks(const at::Tensor& values) const;

  const Ranks& ranks_;
  const model::Model& model_;
  const data::Corpus& corpus_;
  const probe::ProbeLayout& layout_;
  std::int64_t token_budget_;
};

}  // namespace layersweep::sweep
