// A weight under its name in the files of a model.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace layersweep::model {

struct NamedWeight {
  std::string name;
  at::Tensor value;  ///< often a view into a larger tensor
};

}  // namespace layersweep::model
