#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softplus.h>
#include <torch/csrc/autograd/autograd.h>

#include <numbers>

#include "explain/methods.hpp"
#include "explain/noise.hpp"
#include "explain/search.hpp"

namespace layersweep::explain {
namespace {

constexpr double beta = 10;
constexpr double starting_logit = 5;      // nearly everything passes, as in the paper
constexpr double least_deviation = 1e-6;  // a feature that never varies bears no noise

// Nats per token and feature: KL[N(λ·r, (1 − λ)²) ‖ N(0, 1)] of standardised states r; −log(1 − λ) = softplus(α).
at::Tensor information(const at::Tensor& alpha, const at::Tensor& standardised) {
  const at::Tensor lambda = at::sigmoid(alpha).unsqueeze(-1);
  return 0.5 * ((lambda * standardised).square() + (1 - lambda).square() - 1) + at::softplus(alpha).unsqueeze(-1);
}

}  // namespace

at::Tensor schulz(const Subject& subject, const ExplainerSettings& settings) {
  const std::int64_t copies = settings.samples;
  const at::Tensor mask = subject.batch.mask.to(at::kFloat);
  const at::Tensor lengths = subject.batch.lengths.to(at::kFloat);
  const at::Tensor text = repeated_texts(subject, copies);
  const at::Tensor standardised = (subject.states() - subject.mean) / subject.deviation.clamp_min(least_deviation);
  TokenParameters alpha(subject, starting_logit);
  for (std::int64_t step = 1; step <= settings.search_steps; ++step) {
    const at::Tensor noise =
        subject.mean + subject.deviation * normal_noise(subject, settings.seed, Draw::schulz, step, copies);
    const at::AutoGradMode record(true);
    const at::Tensor leaf = alpha.values().detach().requires_grad_();
    const at::Tensor lambda = at::sigmoid(leaf).unsqueeze(-1);
    const at::Tensor states = (lambda * subject.states() + (1 - lambda) * noise).flatten(0, 1);
    const at::Tensor entropy =
        -prediction_score(subject, outputs_above(subject, states, text), text).view({copies, -1}).mean(0);
    const at::Tensor passed = (information(leaf, standardised).mean(-1) * mask).sum(-1) / lengths;
    alpha.descend(torch::autograd::grad({(entropy + beta * passed).sum()}, {leaf}).front());
  }
  return information(alpha.values(), standardised).sum(-1) / std::numbers::ln2;
}

}  // namespace layersweep::explain
