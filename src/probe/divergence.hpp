// How far a masked output is from the clean one.
#pragma once

#include <ATen/core/Tensor.h>

namespace layersweep::probe {

/// KL(clean ‖ masked) of the class distributions, C x B. `clean` is B x classes, `masked` C x B x classes, both logits.
/// Differentiable with respect to `masked`.
at::Tensor kl_divergence(const at::Tensor& clean, const at::Tensor& masked);

/// Whether the predicted class changed: C x B, 0 or 1 as float32.
at::Tensor flipped_predictions(const at::Tensor& clean, const at::Tensor& masked);

}  // namespace layersweep::probe
