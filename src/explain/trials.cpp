#include "explain/trials.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>

namespace layersweep::explain {

float* Trials::add(std::int64_t text) {
  text_.push_back(text);
  gates_.insert(gates_.end(), static_cast<std::size_t>(subject_.width()), 1.0F);
  return gates_.data() + gates_.size() - subject_.width();
}

std::vector<float> Trials::divergences() {
  const auto rows = static_cast<std::int64_t>(text_.size());
  const at::Tensor gates = at::from_blob(gates_.data(), {rows, subject_.width()}, at::kFloat);
  const at::Tensor values = masked_divergence(subject_, gates, at::tensor(text_, at::kLong)).contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + rows};
}

std::vector<std::int64_t> lengths_of(const Subject& subject) {
  const std::int64_t* lengths = subject.batch.lengths.const_data_ptr<std::int64_t>();
  return {lengths, lengths + subject.texts()};
}

}  // namespace layersweep::explain
