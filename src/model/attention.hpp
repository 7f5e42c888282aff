// What only some encoders can tell: which tokens their layers attend to.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/model.hpp"

namespace layersweep::model {

/// Implemented beside Model by models with attention.
class AttendingModel {
 public:
  virtual ~AttendingModel() = default;

  /// What the layer above `point` pays to each token of rows with all tokens: R x T, softmax weights averaged over heads
  /// and over the tokens of the text that attend, so that a text's add up to 1. Undefined where no layer attends.
  virtual at::Tensor attention(int point, const Rows& rows, const Batch& batch) const = 0;
};

}  // namespace layersweep::model
