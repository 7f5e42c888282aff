// What the explainers by gradients share.
#pragma once

#include <ATen/core/Tensor.h>

#include "explain/subject.hpp"

namespace layersweep::explain {

/// ∂ prediction_score/∂ states of each row, R x T x W; `text` (R int64) says whose row it is.
at::Tensor score_gradient(const Subject& subject, const at::Tensor& states, const at::Tensor& text);

}  // namespace layersweep::explain
