// What explainers share that search for each text on its own how little must be known of it for the output to stay.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "explain/subject.hpp"
#include "model/adamw.hpp"
#include "probe/optimiser.hpp"

namespace layersweep::explain {

/// Where the gate logits of a search for one text start: nearly open; from 5, where probes start, it would need most of its
/// steps to leave.
inline constexpr double starting_gate_logit = 2;

/// B x T: 1/length on the tokens of a text, 0 beyond.
at::Tensor token_share(const Subject& subject);

/// A Lagrangian multiplier for each text (De Cao et al., EMNLP 2020, equation 5): rises while the output changes by more
/// than ε.
class Multipliers {
 public:
  explicit Multipliers(const Subject& subject);
  const at::Tensor& values() const { return alpha_; }         ///< B
  void ascend(const at::Tensor& divergence, double epsilon);  ///< by one step; B

 private:
  static constexpr double learning_rate = 0.3;
  static constexpr double most = 200;
  at::Tensor alpha_;
  probe::LookaheadRmsprop optimiser_;
};

/// Free parameters of each token, descended by Adam, whose first steps are no longer than the later ones.
class TokenParameters {
 public:
  TokenParameters(const Subject& subject, double start);
  const at::Tensor& values() const { return values_; }  ///< B x T
  void descend(const at::Tensor& gradient);             ///< by one step; B x T

 private:
  static constexpr double learning_rate = 0.1;
  at::Tensor values_;
  model::AdamW optimiser_;
};

/// The multipliers swing around the constraint, so the last step is not the best one: of each text the parameters whose
/// hard mask, tried every few steps, keeps the fewest tokens within ε. At first, everything is kept.
class BestMask {
 public:
  BestMask(const Subject& subject, const at::Tensor& start);
  static bool is_due(std::int64_t step) { return step % 10 == 0; }
  /// `keep` (B x T, 0 or 1) is the hard mask of `parameters`.
  void consider(const at::Tensor& parameters, const at::Tensor& keep);
  const at::Tensor& parameters() const { return best_; }  ///< B x T

 private:
  const Subject& subject_;
  at::Tensor best_;  // B x T
  at::Tensor kept_;  // B: tokens the best keeps
};

}  // namespace layersweep::explain
