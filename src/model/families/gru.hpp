// A GRU over rows of different lengths, with a backward pass of its own.
#pragma once

#include <ATen/core/Tensor.h>

namespace layersweep::model {

/// Weights as PyTorch stacks them: reset, update and new gate.
struct GruWeights {
  at::Tensor input, input_bias;  ///< 3W x F, 3W
  at::Tensor state, state_bias;  ///< 3W x W, 3W
};

/// Features (R x T x F) to the state after each row's last token, R x W; `lengths` R int64 in 1 .. T. Differentiable with
/// respect to the features, and to the weights where they require a gradient; these must then all do so.
at::Tensor gru_last_state(const GruWeights& weights, const at::Tensor& features, const at::Tensor& lengths);

/// The states after every token, R x T x W, 0 on padding; otherwise the same, to the bit.
at::Tensor gru_states(const GruWeights& weights, const at::Tensor& features, const at::Tensor& lengths);

}  // namespace layersweep::model
