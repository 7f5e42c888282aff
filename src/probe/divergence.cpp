#include "probe/divergence.hpp"

#include <ATen/TensorOperators.h>

#include <ATen/ops/argmax.h>
#include <ATen/ops/log_softmax.h>

namespace layersweep::probe {

at::Tensor kl_divergence(const at::Tensor& clean, const at::Tensor& masked) {
  const at::Tensor log_p = at::log_softmax(clean, -1);
  const at::Tensor log_q = at::log_softmax(masked, -1);
  return (log_p.exp() * (log_p - log_q)).sum(-1);
}

at::Tensor flipped_predictions(const at::Tensor& clean, const at::Tensor& masked) {
  return at::argmax(masked, -1).ne(at::argmax(clean, -1)).to(at::kFloat);
}

}  // namespace layersweep::probe
