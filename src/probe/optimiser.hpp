// RMSprop (Hinton's lecture 6e; centred: Graves, arXiv 1308.0850) inside Lookahead (Zhang et al., NeurIPS 2019), on one
// flat buffer; the arithmetic is that of torch.optim.RMSprop and of the published DiffMask code.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "probe/parameters.hpp"

namespace layersweep::probe {

class LookaheadRmsprop {
 public:
  enum class Variance { centred, plain };

  /// Follows `parameters` (flat float32, changed in place by step()), on whatever device they lie; gradients and learning
  /// rates are given there.
  LookaheadRmsprop(at::Tensor parameters, Variance variance);

  /// One step down `gradient` (same shape), with a learning rate for each element; elements outside `slices` stay.
  void step(const at::Tensor& gradient, const at::Tensor& learning_rate, std::span<const Slice> slices);
  /// Of all elements.
  void step(const at::Tensor& gradient, const at::Tensor& learning_rate);

  /// All it remembers from step to step; whoever restores it writes into these.
  struct State {
    at::Tensor square_average;
    at::Tensor gradient_average;
    at::Tensor slow;  ///< Lookahead's slow weights
    std::int64_t steps = 0;
  };
  const State& state() const { return state_; }
  State& state() { return state_; }

  static constexpr int lookahead_steps = 6;
  static constexpr double lookahead_share = 0.5;

 private:
  void step_on_device(const at::Tensor& gradient, const at::Tensor& learning_rate, std::span<const Slice> slices);

  at::Tensor parameters_;
  Variance variance_;
  State state_;
};

}  // namespace layersweep::probe
