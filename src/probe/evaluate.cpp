#include "probe/evaluate.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>

#include <cmath>

#include "probe/gates.hpp"
#include "probe/masks.hpp"

namespace layersweep::probe {

at::Tensor hard_gates(const at::Tensor& keep_probability) { return keep_probability.gt(keep_threshold).to(at::kFloat); }

HardMasks evaluate_hard_masks(const CleanPass& pass, const Probes& probes, const at::Tensor& active, PointRange points) {
  const at::NoGradGuard no_grad;
  const ProbeLayout& layout = probes.layout;
  const PointRange range = layout.clip(points);
  const PointRange masking = probes_of(layout.mode(), range);
  const Probes here{layout, probes.parameters.to(pass.model.device())};
  const std::vector<at::Tensor> phi =
      gate_logits(layout, layout.views(here.parameters, masking), pass.clean.states, masking);
  const std::vector<at::Tensor> log_p = log_keep_probabilities(layout.mode(), phi);
  const at::Tensor keep_probability = at::stack(at::TensorList(log_p).slice(range.first, range.size())).exp();
  // In input mode these are already the product of gates 0..k: keep_probability never grows with k.
  HardMasks result = evaluate_gates(pass, here, active, hard_gates(keep_probability), range);
  result.keep_probability = keep_probability.cpu();
  return result;
}

HardMasks evaluate_gates(const CleanPass& pass, const Probes& probes, const at::Tensor& active,
                         const at::Tensor& given_gates, PointRange points) {
  const at::NoGradGuard no_grad;
  const auto& [model, batch, clean] = pass;
  const auto& [layout, parameters] = probes;
  const PointRange range = layout.clip(points);
  const at::Device device = model.device();
  const at::Tensor gates = given_gates.to(device);
  HardMasks result;
  // Whole tokens over whole tokens: never above 1 by rounding.
  result.keep_share = ((gates * batch.mask.to(at::kFloat)).sum(-1) / batch.lengths.to(at::kFloat)).cpu();
  const std::vector<std::int64_t> shape{range.size(), layout.seeds(), batch.size()};
  result.kl = at::full(shape, std::nanf(""), at::kFloat);
  result.flipped = at::full(shape, std::nanf(""), at::kFloat);

  const std::vector<Cell> cells = cells_of(active, range);
  if (cells.empty()) return result;
  std::vector<at::Tensor> by_point(static_cast<std::size_t>(layout.points()));
  for (int p = range.first; p < range.end; ++p) by_point[static_cast<std::size_t>(p)] = gates.select(0, p - range.first);
  const at::Tensor logits =
      staircase_pass(pass, joining_copies(layout, layout.views(parameters.to(device)), by_point, cells));
  const at::Tensor where = active.narrow(0, range.first, range.size()).unsqueeze(-1).expand(shape);
  // Rounding can take a divergence of nothing below 0.
  result.kl.masked_scatter_(where, model.output().divergence(clean.logits, logits).clamp_min(0.0).cpu());
  result.flipped.masked_scatter_(where, model.output().flipped(clean.logits, logits, batch).cpu());
  return result;
}

}  // namespace layersweep::probe
