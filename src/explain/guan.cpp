#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log.h>
#include <ATen/ops/softplus.h>
#include <torch/csrc/autograd/autograd.h>

#include "explain/methods.hpp"
#include "explain/noise.hpp"
#include "explain/search.hpp"

namespace layersweep::explain {
namespace {

constexpr double starting_noise = -3;  // σ = 0.05 deviations

}  // namespace

at::Tensor guan(const Subject& subject, const ExplainerSettings& settings) {
  const std::int64_t copies = settings.samples;
  const at::Tensor share = token_share(subject);
  const at::Tensor text = repeated_texts(subject, copies);
  TokenParameters rho(subject, starting_noise);
  Multipliers alpha(subject);
  for (std::int64_t step = 1; step <= settings.search_steps; ++step) {
    const at::Tensor noise = subject.deviation * normal_noise(subject, settings.seed, Draw::guan, step, copies);
    at::Tensor divergences, gradient;
    {
      const at::AutoGradMode record(true);
      const at::Tensor leaf = rho.values().detach().requires_grad_();
      const at::Tensor sigma = at::softplus(leaf);
      const at::Tensor states = (subject.states() + sigma.unsqueeze(-1) * noise).flatten(0, 1);
      divergences = divergence(subject, outputs_above(subject, states, text), text).view({copies, -1}).mean(0);
      const at::Tensor loss = (alpha.values() * divergences).sum() - (at::log(sigma) * share).sum();
      gradient = torch::autograd::grad({loss}, {leaf}).front();
    }
    rho.descend(gradient);
    alpha.ascend(divergences.detach(), subject.epsilon);
  }
  return at::softplus(rho.values()).reciprocal();
}

}  // namespace layersweep::explain
