#include "explain/score_gradient.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

namespace layersweep::explain {

at::Tensor score_gradient(const Subject& subject, const at::Tensor& states, const at::Tensor& text) {
  const at::AutoGradMode record(true);
  const at::Tensor leaf = states.detach().requires_grad_();
  const at::Tensor score = prediction_score(subject, outputs_above(subject, leaf, text), text).sum();
  return torch::autograd::grad({score}, {leaf}).front();
}

}  // namespace layersweep::explain
