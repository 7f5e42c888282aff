#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <torch/csrc/autograd/autograd.h>

#include "explain/methods.hpp"
#include "explain/noise.hpp"
#include "explain/search.hpp"
#include "probe/evaluate.hpp"
#include "probe/hard_concrete.hpp"

namespace layersweep::explain {

at::Tensor per_sample_diffmask(const Subject& subject, const ExplainerSettings& settings) {
  const std::int64_t copies = settings.samples;
  const at::Tensor share = token_share(subject);
  const at::Tensor text = repeated_texts(subject, copies);
  TokenParameters logits(subject, starting_gate_logit);
  Multipliers alpha(subject);
  BestMask best(subject, logits.values());
  for (std::int64_t step = 1; step <= settings.search_steps; ++step) {
    const at::Tensor u = uniform_noise(subject, settings.seed, Draw::diffmask, step, copies);
    const at::Tensor noise = (at::log(u) - at::log1p(-u)).to(at::kFloat);
    at::Tensor divergences, gradient;
    {
      const at::AutoGradMode record(true);
      const at::Tensor phi = logits.values().detach().requires_grad_();
      const at::Tensor gates = probe::sample_gates(phi.unsqueeze(0), noise).flatten(0, 1);
      const at::Tensor outputs = outputs_above(subject, masked_states(subject, gates, text), text);
      divergences = divergence(subject, outputs, text).view({copies, -1}).mean(0);
      const at::Tensor sparsity = (probe::log_keep_probability(phi) * share).sum();
      gradient = torch::autograd::grad({(alpha.values() * divergences).sum() + sparsity}, {phi}).front();
    }
    logits.descend(gradient);
    alpha.ascend(divergences.detach(), subject.epsilon);
    if (BestMask::is_due(step) || step == settings.search_steps) {
      best.consider(logits.values(), probe::hard_gates(probe::log_keep_probability(logits.values()).exp()));
    }
  }
  return probe::log_keep_probability(best.parameters()).exp();
}

}  // namespace layersweep::explain
