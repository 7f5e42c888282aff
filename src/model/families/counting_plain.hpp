// The counting model in ordinary differentiable tensor operations: what its training runs, and the reference of the fast
// recurrence.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/families/counting.hpp"

namespace layersweep::model::plain {

/// Input embeddings (R x T x W) and query symbols (R x 2) to features, R x T x F.
at::Tensor mix(const CountingWeights& weights, const at::Tensor& input, const at::Tensor& query);

/// Features (R x T x F) to the GRU's state after each row's last token, R x W; `lengths` R int64, at least 1.
at::Tensor last_state(const CountingWeights& weights, const at::Tensor& features, const at::Tensor& lengths);

/// States to logits (0, x), R x 2.
at::Tensor decide(const CountingWeights& weights, const at::Tensor& state);

}  // namespace layersweep::model::plain
