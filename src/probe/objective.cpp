#include "probe/objective.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

#include "probe/gates.hpp"
#include "probe/hard_concrete.hpp"
#include "probe/masks.hpp"

namespace layersweep::probe {
namespace {

constexpr std::int64_t figure_count = 3;  // KL, keep share, flips

// Of the rows that ProbeLayout::views gives for a block.
at::Tensor points_of_rows(const Block& block, PointRange probes, at::Device device) {
  std::vector<std::int64_t> points;
  for (const int point : block.points) {
    if (point >= probes.first && point < probes.end) points.push_back(point);
  }
  return at::tensor(points, at::kLong).to(device);
}

// A gradient that is not finite breaks its probe although the divergence is: no training could go on from there. Its KL
// becomes NaN. `gradients` are as ProbeLayout::views gives blocks of `probes`.
void mark_broken(const ProbeLayout& layout, PointRange probes, const std::vector<at::Tensor>& gradients, StepSums& sums) {
  const at::Tensor kl = sums.kl();
  const at::Tensor broken = at::zeros_like(kl);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined() || gradients[i].size(0) == 0) continue;
    const at::Tensor not_finite = at::isfinite(gradients[i]).flatten(2).all(-1).logical_not();  // rows x S
    broken.index_add_(0, points_of_rows(layout.blocks()[i], probes, kl.device()), not_finite.to(at::kFloat));
  }
  at::Tensor(kl).masked_fill_(broken.gt(0), std::numeric_limits<float>::quiet_NaN());
}

}  // namespace

StepSums::StepSums(const ProbeLayout& layout, at::Device device)
    : StepSums(layout,
               at::zeros({layout.size() + figures_slice(layout).size}, at::TensorOptions(device).dtype(at::kFloat))) {}

StepSums::StepSums(const ProbeLayout& layout, at::Tensor flat)
    : parameters_(layout.size()), points_(layout.points()), seeds_(layout.seeds()), flat_(std::move(flat)) {}

at::Tensor StepSums::row(std::int64_t index) const {
  const std::int64_t cells = points_ * seeds_;
  return flat_.narrow(0, parameters_ + index * cells, cells).view({points_, seeds_});
}

at::Tensor StepSums::gradient() const { return flat_.narrow(0, 0, parameters_); }
at::Tensor StepSums::kl() const { return row(0); }
at::Tensor StepSums::keep_share() const { return row(1); }
at::Tensor StepSums::flips() const { return row(2); }

StepFigures StepSums::figures() const {
  const at::Tensor rows = flat_.narrow(0, parameters_, figure_count * points_ * seeds_).cpu();
  const at::Tensor by_figure = rows.view({figure_count, points_, seeds_});
  return {by_figure[0], by_figure[1], by_figure[2]};
}

std::vector<Slice> StepSums::slices(const ProbeLayout& layout, PointRange points) {
  std::vector<Slice> result = layout.slices(points);
  const PointRange range = layout.clip(points);
  for (std::int64_t figure = 0; figure < figure_count; ++figure) {
    const std::int64_t row = figure * layout.points() + range.first;
    result.push_back({layout.size() + row * layout.seeds(), range.size() * layout.seeds()});
  }
  return result;
}

Slice StepSums::figures_slice(const ProbeLayout& layout) {
  return {layout.size(), figure_count * layout.points() * layout.seeds()};
}

void accumulate_step(const model::Model& model, const model::Batch& batch, const Probes& trained, const StepInputs& inputs,
                     StepSums& sums) {
  const auto& [layout, parameters] = trained;
  const PointRange points = layout.clip(inputs.points);
  const PointRange probes = probes_of(layout.mode(), points);
  const at::Device device = parameters.device();
  const auto rows = [&](const at::Tensor& of_all) { return of_all.narrow(0, points.first, points.size()); };
  const std::vector<Cell> cells = cells_of(inputs.active, points);
  if (cells.empty() || batch.size() == 0) return;
  const model::Clean clean = model.clean(batch);

  const at::AutoGradMode record(true);
  std::vector<at::Tensor> leaves = layout.views(parameters.detach(), probes);
  for (at::Tensor& leaf : leaves) leaf = leaf.detach().requires_grad_();

  const std::vector<at::Tensor> phi = gate_logits(layout, leaves, clean.states, probes);
  const at::Tensor noise = inputs.noise.to(device);
  std::vector<at::Tensor> gates(phi.size());
  for (int p = probes.first; p < probes.end; ++p) {
    const auto at = static_cast<std::size_t>(p);
    gates[at] = sample_gates(phi[at], noise.select(0, p - probes.first));
  }
  const at::Tensor logits = staircase_pass(
      {model, batch, clean}, joining_copies(layout, leaves, applied_gates(layout.mode(), gates), cells, probes));
  const at::Tensor kl = model.output().divergence(clean.logits, logits).sum(-1);  // C

  const std::vector<at::Tensor> log_by_point = log_keep_probabilities(layout.mode(), phi);
  const at::Tensor log_p = at::stack(at::TensorList(log_by_point).slice(points.first, points.size()));  // points x S x B x T
  const at::Tensor mask = batch.mask.to(at::kFloat);
  const at::Tensor share = mask / batch.lengths.to(at::kFloat).unsqueeze(-1);  // B x T: 1/T on tokens
  const at::Tensor keep = (log_p.exp() * share).sum({-2, -1});                 // points x S
  const at::Tensor sparsity = inputs.sparsity == terms::Sparsity::l0 ? keep : (log_p * share).sum({-2, -1});

  // The copies are in the order of the active cells, which is that of boolean selection.
  const at::Tensor active = rows(inputs.active).to(device);
  const at::Tensor alpha = rows(inputs.alpha).to(device).masked_select(active);
  const double scale = 1.0 / (static_cast<double>(inputs.batch_size) * static_cast<double>(layout.points()));
  const at::Tensor loss = ((alpha * kl).sum() + sparsity.masked_select(active).sum()) * scale;

  const auto gradients = torch::autograd::grad({loss}, leaves, {}, c10::nullopt, false, /*allow_unused=*/true);
  const at::NoGradGuard no_grad;
  const std::vector<at::Tensor> targets = layout.views(sums.gradient(), probes);
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (gradients[i].defined()) at::Tensor(targets[i]).add_(gradients[i]);
  }
  const at::Tensor flips = model.output().flipped(clean.logits, logits.detach(), batch).sum(-1);
  rows(sums.kl()).masked_scatter_(active, rows(sums.kl()).masked_select(active) + kl.detach());
  rows(sums.flips()).masked_scatter_(active, rows(sums.flips()).masked_select(active) + flips);
  rows(sums.keep_share()).add_(keep.detach());
  // One sum tells that all is well; on a GPU it would have to be waited for.
  if (device.is_cpu() && std::isfinite(sums.gradient().sum().item<float>())) return;
  mark_broken(layout, probes, gradients, sums);
}

}  // namespace layersweep::probe
