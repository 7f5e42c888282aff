#include "model/output.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/log_softmax.h>

#include "base/error.hpp"

namespace layersweep::model {

at::Tensor Output::divergence(const at::Tensor& clean, const at::Tensor& masked) const {
  const at::Tensor log_p = at::log_softmax(clean, -1);
  const at::Tensor log_q = at::log_softmax(masked, -1);
  return (log_p.exp() * (log_p - log_q)).flatten(2).sum(-1);
}

at::Tensor Output::flipped(const at::Tensor& clean, const at::Tensor& masked, const Batch& batch) const {
  return decided(masked, batch).ne(decided(clean, batch)).to(at::kFloat);
}

at::Tensor Output::log_probability(const at::Tensor& clean, const at::Tensor& rows) const {
  const at::Tensor predicted = at::argmax(clean, -1, /*keepdim=*/true);
  return at::log_softmax(rows, -1).gather(-1, predicted).flatten(1).sum(-1);
}

std::string Output::scores_text(std::span<const double>, std::span<const std::int32_t>) const { return {}; }

const Output& output_of(terms::OutputKind kind) {
  switch (kind) {
    case terms::OutputKind::classes:
      return classes_output();
    case terms::OutputKind::span:
      return span_output();
  }
  throw base::InternalError("a kind of output out of range");
}

}  // namespace layersweep::model
