// The values of tensors as files take them.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "base/error.hpp"

namespace layersweep::jobs {

/// Of a float32 tensor in the host's memory, which must outlive them.
inline std::span<const float> span_of(const at::Tensor& values) {
  base::ensure(values.is_contiguous() && values.is_cpu(), "a span over a tensor that is not in one piece");
  return {values.const_data_ptr<float>(), static_cast<std::size_t>(values.numel())};
}

/// A copy.
inline std::vector<float> floats_of(const at::Tensor& values) {
  const at::Tensor whole = values.to(at::kFloat).contiguous();
  return {whole.const_data_ptr<float>(), whole.const_data_ptr<float>() + whole.numel()};
}

}  // namespace layersweep::jobs
