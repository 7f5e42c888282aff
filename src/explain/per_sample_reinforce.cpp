#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>

#include <algorithm>

#include "explain/methods.hpp"
#include "explain/noise.hpp"
#include "explain/search.hpp"
#include "probe/evaluate.hpp"

namespace layersweep::explain {

at::Tensor per_sample_reinforce(const Subject& subject, const ExplainerSettings& settings) {
  const std::int64_t copies = std::max<std::int64_t>(2, settings.samples);
  const at::Tensor share = token_share(subject);
  const at::Tensor text = repeated_texts(subject, copies);
  TokenParameters logits(subject, starting_gate_logit);
  Multipliers alpha(subject);
  BestMask best(subject, logits.values());
  for (std::int64_t step = 1; step <= settings.search_steps; ++step) {
    const at::Tensor keep = at::sigmoid(logits.values());
    const at::Tensor u = uniform_noise(subject, settings.seed, Draw::reinforce, step, copies);
    const at::Tensor gates = u.lt(keep).to(at::kFloat);  // C x B x T
    const at::Tensor divergences = masked_divergence(subject, gates.flatten(0, 1), text).view({copies, -1});
    const at::Tensor cost = alpha.values() * divergences;
    // The mean of the other draws: cost − baseline = (cost − mean)·C/(C − 1).
    const double others = static_cast<double>(copies) / static_cast<double>(copies - 1);
    const at::Tensor advantage = (cost - cost.mean(0)) * others;
    const at::Tensor by_score = (advantage.unsqueeze(-1) * (gates - keep)).mean(0);
    logits.descend((by_score + share * keep * (1 - keep)) * subject.batch.mask);
    alpha.ascend(divergences.mean(0), subject.epsilon);
    if (BestMask::is_due(step) || step == settings.search_steps) {
      best.consider(logits.values(), probe::hard_gates(at::sigmoid(logits.values())));
    }
  }
  return at::sigmoid(best.parameters());
}

}  // namespace layersweep::explain
