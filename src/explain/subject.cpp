#include "explain/subject.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/lerp.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace layersweep::explain {

at::Tensor outputs_above(const Subject& subject, const at::Tensor& states, const at::Tensor& text) {
  const model::Model& model = subject.model;
  const int last = static_cast<int>(model.points().size()) - 1;
  model::Rows rows{states, text};
  if (subject.point == last) rows = model.narrow_to_read_out(rows, subject.batch);
  for (int point = subject.point; point < last; ++point) {
    rows = model.advance(point, rows, subject.batch, point + 1 == last ? model::Need::read_out : model::Need::all_tokens);
  }
  return model.read_out(rows, subject.batch);
}

at::Tensor masked_states(const Subject& subject, const at::Tensor& gates, const at::Tensor& text) {
  // b + z·(h − b) = z·h + (1 − z)·b
  return at::lerp(subject.replacement, subject.states().index_select(0, text), gates.unsqueeze(-1));
}

at::Tensor masked_outputs(const Subject& subject, const at::Tensor& gates, const at::Tensor& text) {
  const at::NoGradGuard no_grad;
  const std::int64_t rows = gates.size(0);
  const std::int64_t at_once = std::max<std::int64_t>(1, subject.token_budget / subject.width());
  std::vector<at::Tensor> outputs;
  for (std::int64_t first = 0; first < rows; first += at_once) {
    const std::int64_t count = std::min(at_once, rows - first);
    const at::Tensor whose = text.narrow(0, first, count);
    outputs.push_back(outputs_above(subject, masked_states(subject, gates.narrow(0, first, count), whose), whose));
  }
  return at::cat(outputs);
}

at::Tensor divergence(const Subject& subject, const at::Tensor& outputs, const at::Tensor& text) {
  return subject.model.output().divergence(subject.clean.logits.index_select(0, text), outputs.unsqueeze(0)).squeeze(0);
}

at::Tensor prediction_score(const Subject& subject, const at::Tensor& outputs, const at::Tensor& text) {
  return subject.model.output().log_probability(subject.clean.logits.index_select(0, text), outputs);
}

at::Tensor score_gradient(const Subject& subject, const at::Tensor& states, const at::Tensor& text) {
  const at::AutoGradMode record(true);
  const at::Tensor leaf = states.detach().requires_grad_();
  const at::Tensor score = prediction_score(subject, outputs_above(subject, leaf, text), text).sum();
  return torch::autograd::grad({score}, {leaf}).front();
}

at::Tensor masked_divergence(const Subject& subject, const at::Tensor& gates, const at::Tensor& text) {
  // Rounding can take a divergence of nothing below 0.
  return divergence(subject, masked_outputs(subject, gates, text), text).clamp_min(0.0);
}

at::Tensor repeated_texts(const Subject& subject, std::int64_t copies) {
  return at::arange(subject.texts()).repeat({copies});
}

at::Tensor missing_attribution(const Subject& subject) {
  return at::full({subject.texts(), subject.width()}, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
}

}  // namespace layersweep::explain
