// The staircase pass: one masked pass that carries all points at once. Copies of the batch join the pass at their
// point and climb together; a layer is never computed below the point at which a copy joins.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "model/model.hpp"

namespace layersweep::probe {

/// A batch that went through the unmodified model.
struct CleanPass {
  const model::Model& model;
  const model::Batch& batch;
  const model::Clean& clean;
};

/// Masked copies of the batch that join at one point: state = z·h + (1 − z)·b. C copies, B examples, T tokens.
struct Joining {
  at::Tensor gates;         ///< C x B x T, in [0, 1]; undefined where nobody joins
  at::Tensor replacements;  ///< C x width(point)
};

/// Logits of every copy, C_total x B x classes (spans: x 2 x T), copies in order of their points. `joining` has one entry
/// per point. Differentiable with respect to gates and replacements.
at::Tensor staircase_pass(const CleanPass& pass, const std::vector<Joining>& joining);

}  // namespace layersweep::probe
