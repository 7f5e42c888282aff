#include "probe/divergence.hpp"

#include <ATen/TensorOperators.h>

#include <ATen/ops/log_softmax.h>

#include "model/output.hpp"

namespace layersweep::probe {

at::Tensor kl_divergence(const at::Tensor& clean, const at::Tensor& masked) {
  const at::Tensor log_p = at::log_softmax(clean, -1);
  const at::Tensor log_q = at::log_softmax(masked, -1);
  return (log_p.exp() * (log_p - log_q)).flatten(2).sum(-1);
}

at::Tensor flipped_predictions(const model::Model& model, const model::Batch& batch, const at::Tensor& clean,
                               const at::Tensor& masked) {
  const auto decided = [&](const at::Tensor& logits) { return model::answers(model.output(), logits, batch); };
  return decided(masked).ne(decided(clean)).to(at::kFloat);
}

}  // namespace layersweep::probe
