// RMSprop (Hinton's lecture 6e; centred: Graves, arXiv 1308.0850) inside Lookahead (Zhang et al., NeurIPS 2019), on one
// flat buffer; the arithmetic is that of torch.optim.RMSprop and of the published DiffMask code.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace layersweep::probe {

class LookaheadRmsprop {
 public:
  enum class Variance { centred, plain };

  /// Follows `parameters` (flat float32, changed in place by step()).
  LookaheadRmsprop(at::Tensor parameters, Variance variance);

  /// One step down `gradient` (same shape), with a learning rate for each element.
  void step(const at::Tensor& gradient, const at::Tensor& learning_rate);

  static constexpr int lookahead_steps = 6;
  static constexpr double lookahead_share = 0.5;

 private:
  at::Tensor parameters_;
  Variance variance_;
  at::Tensor square_average_;
  at::Tensor gradient_average_;
  at::Tensor slow_;
  std::int64_t steps_ = 0;
};

}  // namespace layersweep::probe
