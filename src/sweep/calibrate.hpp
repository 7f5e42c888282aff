// The end of a unit's training: every gate's bias is moved to where its masks just keep the constraint.
//
// A multiplier swings around the constraint, so training ends on either side of it, and sampled gates cost more divergence
// than the hard masks that are reported. What a probe has learned is an order of tokens; how many of them to keep is one
// number, and that number can be searched on development data with hard masks.
#pragma once

#include <ATen/core/Tensor.h>

#include "sweep/evaluator.hpp"
#include "sweep/selection.hpp"
#include "sweep/trained_unit.hpp"

namespace layersweep::sweep {

/// Moves gate.bias of every (point, seed) in `parameters` (flat, changed in place), so that the probe keeps as few tokens
/// of the evaluator's texts as it may while it is accepted: mean KL ≤ ε and flips ≤ the limit. Hidden mode: points are
/// independent. Input mode, where a gate masks all points above it too: upwards, gates are opened just as far as their point
/// needs to be accepted; then, downwards, closed as far as their point and all above it stay accepted. Keeping everything
/// (input mode: all that the point below keeps) is acceptable, so every probe ends accepted. Uses all texts; cells that are
/// not finite stay as they are. Collective; the same bits on every rank, and on every number of ranks.
void calibrate(const Evaluator& evaluator, const at::Tensor& parameters, const Constraint& constraint);

/// Calibrates the weights `last` that training ended with, and takes them into `unit` in place of the best snapshot
/// wherever they are better, both measured on all texts: cell by cell in hidden mode, a seed as a whole in input mode.
/// Collective.
void take_calibrated(const Evaluator& evaluator, const at::Tensor& last, const Constraint& constraint, TrainedUnit& unit);

/// What the choice of tokens is worth: the share of tokens that random masks have to keep, with the same replacement
/// vectors, for the mean KL on the evaluator's texts that each probe has in `scores`. NaN where the probe has none.
/// Collective.
CellTable<double> random_keep_shares(const Evaluator& evaluator, const at::Tensor& parameters,
                                     const CellTable<Score>& scores);

/// The search for the smallest share of tokens to keep that is acceptable: away from the first guess in growing steps
/// until the answer changes, then by halves. From a guess that is known to suffice the first step is the smallest, since
/// mostly nothing is left to gain.
class KeepShareSearch {
 public:
  enum class Known { nothing, guess_fails, guess_suffices };

  /// `most` is known to be acceptable, 0 is taken not to be; `known` is what is known of the guess.
  KeepShareSearch(double guess, double most, Known known = Known::nothing);

  bool finished() const { return finished_; }
  double next() const { return next_; }  ///< the share to try
  void tell(bool acceptable);            ///< whether it is
  double best() const { return high_; }  ///< the smallest that is known to be

 private:
  void choose();

  double low_ = 0;  // not acceptable, or 0
  double high_;
  double next_;
  double step_;
  bool seen_low_ = false;
  bool seen_high_ = false;
  bool finished_ = false;
};

}  // namespace layersweep::sweep
