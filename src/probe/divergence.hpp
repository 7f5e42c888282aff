// How far a masked output is from the clean one.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/model.hpp"

namespace layersweep::probe {

/// KL(clean ‖ masked), C x B, of logits `clean` (B x …) and `masked` (C x B x …): of the class distribution, or the sum of
/// those of start and end over the tokens of each text.
/// Differentiable with respect to `masked`.
at::Tensor kl_divergence(const at::Tensor& clean, const at::Tensor& masked);

/// Whether the predicted class or answer span changed: C x B, 0 or 1 as float32; logits as above.
at::Tensor flipped_predictions(const model::Model& model, const model::Batch& batch, const at::Tensor& clean,
                               const at::Tensor& masked);

}  // namespace layersweep::probe
