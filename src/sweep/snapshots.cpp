#include "sweep/snapshots.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace layersweep::sweep {
namespace {

bool failed(const Score& score) { return std::isnan(score.kl); }
bool failed(const std::vector<Score>& points) {
  return std::any_of(points.begin(), points.end(), [](const Score& s) { return failed(s); });
}

// Ties go to the later snapshot: its hard masks are the same, and its gates tell kept and dropped tokens further apart,
// which shows in keep probabilities and not in keep shares. A failed snapshot is never kept.
template <class Scores>
bool is_as_good(const Scores& later, const Scores& holder, const Constraint& constraint) {
  return !failed(later) && !is_better(holder, later, constraint);
}

}  // namespace

Snapshots::Snapshots(const probe::ProbeLayout& layout, const at::Tensor& parameters, const Constraint& constraint,
                     std::int64_t patience)
    : layout_(layout), constraint_(constraint), patience_(patience) {
  const double nan = std::nan("");
  state_ = {parameters.clone(), cell_table(layout, Score{nan, nan, nan, nan, nan}),
            at::zeros({layout.points(), layout.seeds()}, at::kLong)};
}

void Snapshots::consider(const CellTable<Score>& scores, const at::Tensor& parameters, const at::Tensor& active) {
  for (std::int64_t seed = 0; seed < layout_.seeds(); ++seed) {
    if (layout_.mode() == terms::Mode::input) {
      consider_seed(scores, parameters, active, seed);
    } else {
      for (int point = 0; point < static_cast<int>(layout_.points()); ++point) {
        consider_cell(scores, parameters, active, point, seed);
      }
    }
  }
}

void Snapshots::consider_cell(const CellTable<Score>& scores, const at::Tensor& parameters, const at::Tensor& active,
                              int point, std::int64_t seed) {
  if (!active[point][seed].item<bool>()) return;
  const Score& challenger = at_cell(scores, point, seed);
  Score& holder = at_cell(state_.scores, point, seed);
  const bool better = is_better(challenger, holder, constraint_);
  if (is_as_good(challenger, holder, constraint_)) {
    layout_.copy_cell(state_.parameters, parameters, point, seed);
    holder = challenger;
  }
  if (runs_out_of_patience(better, point, seed)) active[point][seed].fill_(false);
}

void Snapshots::consider_seed(const CellTable<Score>& scores, const at::Tensor& parameters, const at::Tensor& active,
                              std::int64_t seed) {
  if (!active.select(1, seed).any().item<bool>()) return;
  std::vector<Score> challenger;
  std::vector<Score> holder;
  for (std::int64_t point = 0; point < layout_.points(); ++point) {
    challenger.push_back(at_cell(scores, point, seed));
    holder.push_back(at_cell(state_.scores, point, seed));
  }
  const bool better = is_better(challenger, holder, constraint_);
  if (is_as_good(challenger, holder, constraint_)) {
    layout_.copy_seed(state_.parameters, parameters, seed);
    for (std::int64_t point = 0; point < layout_.points(); ++point) {
      at_cell(state_.scores, point, seed) = at_cell(scores, point, seed);
    }
  }
  if (runs_out_of_patience(better, 0, seed)) active.select(1, seed).fill_(false);
}

bool Snapshots::runs_out_of_patience(bool better, std::int64_t point, std::int64_t seed) {
  std::int64_t& waited = state_.waited.data_ptr<std::int64_t>()[point * state_.waited.size(1) + seed];
  waited = better ? 0 : waited + 1;
  return patience_ > 0 && waited >= patience_;
}

bool Snapshots::within_epsilon(std::int64_t point, std::int64_t seed) const {
  return at_cell(state_.scores, point, seed).kl <= constraint_.epsilon;
}

}  // namespace layersweep::sweep
