#include "explain/per_sample.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/sigmoid.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "explain/noise.hpp"
#include "explain/search.hpp"
#include "probe/evaluate.hpp"
#include "probe/hard_concrete.hpp"

namespace layersweep::explain {
namespace {

// Gates start nearly open; at 5, where probes start, a search for one text would need most of its steps to leave.
constexpr double starting_logit = 2;

// B x T: 1/T on tokens.
at::Tensor token_share(const Subject& subject) {
  return subject.batch.mask.to(at::kFloat) / subject.batch.lengths.to(at::kFloat).unsqueeze(-1);
}

}  // namespace

at::Tensor PerSampleDiffMask::attribute(const Subject& subject) const {
  const std::int64_t copies = settings_.samples;
  const at::Tensor share = token_share(subject);
  const at::Tensor text = repeated_texts(subject, copies);
  TokenParameters logits(subject, starting_logit);
  Multipliers alpha(subject);
  BestMask best(subject, logits.values());
  for (std::int64_t step = 1; step <= settings_.search_steps; ++step) {
    const at::Tensor u = uniform_noise(subject, settings_.seed, Draw::diffmask, step, copies);
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
    if (BestMask::is_due(step) || step == settings_.search_steps) {
      best.consider(logits.values(), probe::hard_gates(probe::log_keep_probability(logits.values()).exp()));
    }
  }
  return probe::log_keep_probability(best.parameters()).exp();
}

at::Tensor PerSampleReinforce::attribute(const Subject& subject) const {
  const std::int64_t copies = std::max<std::int64_t>(2, settings_.samples);
  const at::Tensor share = token_share(subject);
  const at::Tensor text = repeated_texts(subject, copies);
  TokenParameters logits(subject, starting_logit);
  Multipliers alpha(subject);
  BestMask best(subject, logits.values());
  for (std::int64_t step = 1; step <= settings_.search_steps; ++step) {
    const at::Tensor keep = at::sigmoid(logits.values());
    const at::Tensor u = uniform_noise(subject, settings_.seed, Draw::reinforce, step, copies);
    const at::Tensor gates = u.lt(keep).to(at::kFloat);  // C x B x T
    const at::Tensor divergences = masked_divergence(subject, gates.flatten(0, 1), text).view({copies, -1});
    const at::Tensor cost = alpha.values() * divergences;
    // The mean of the other draws: cost − baseline = (cost − mean)·C/(C − 1).
    const double others = static_cast<double>(copies) / static_cast<double>(copies - 1);
    const at::Tensor advantage = (cost - cost.mean(0)) * others;
    const at::Tensor by_score = (advantage.unsqueeze(-1) * (gates - keep)).mean(0);
    logits.descend((by_score + share * keep * (1 - keep)) * subject.batch.mask);
    alpha.ascend(divergences.mean(0), subject.epsilon);
    if (BestMask::is_due(step) || step == settings_.search_steps) {
      best.consider(logits.values(), probe::hard_gates(at::sigmoid(logits.values())));
    }
  }
  return at::sigmoid(best.parameters());
}

}  // namespace layersweep::explain
