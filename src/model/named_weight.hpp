// A weight under its name in the files of a model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace layersweep::model {

struct NamedWeight {
  std::string name;
  at::Tensor value;                              ///< often a view into a larger tensor
  std::vector<std::int64_t> shape_in_file = {};  ///< where it is another one of the same entries in the same order

  at::IntArrayRef shape() const { return shape_in_file.empty() ? value.sizes() : at::IntArrayRef(shape_in_file); }
};

}  // namespace layersweep::model
