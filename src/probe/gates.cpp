#include "probe/gates.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tanh.h>

namespace layersweep::probe {
namespace {

constexpr double gate_range = 10.0;

at::Tensor weight_norm(const at::Tensor& v, const at::Tensor& g) {
  return v * (g / at::linalg_vector_norm(v, 2, at::IntArrayRef{-1})).unsqueeze(-1);
}

}  // namespace

std::vector<at::Tensor> gate_logits(const ProbeLayout& layout, const std::vector<at::Tensor>& blocks,
                                    const std::vector<at::Tensor>& states, PointRange probes) {
  const std::int64_t batch = states[0].size(0);
  const std::int64_t width = states[0].size(1);
  const std::int64_t seeds = layout.seeds();
  std::vector<at::Tensor> phi(states.size());
  for (const GateGroup& group : layout.groups()) {
    std::vector<int> points;
    for (const int point : group.points) {
      if (point >= probes.first && point < probes.end) points.push_back(point);
    }
    if (points.empty()) continue;
    const auto members = static_cast<std::int64_t>(points.size());
    const at::Tensor* const b = &blocks[group.first_block];

    std::vector<at::Tensor> inputs;
    for (const int point : points) {
      const at::Tensor& state = states[static_cast<std::size_t>(point)];
      inputs.push_back(layout.mode() == terms::Mode::input ? at::cat({states[0], state}, -1) : state);
    }
    const at::Tensor x = at::stack(inputs).view({members, batch * width, group.in_width});

    // The seeds share x, so their first maps are one product: points x (B·T) x (S·inner).
    const at::Tensor w1 = weight_norm(b[0], b[1]).view({members, seeds * group.inner_width, group.in_width});
    const at::Tensor c1 = b[2].reshape({members, 1, seeds * group.inner_width});
    const at::Tensor inner =
        at::tanh(at::baddbmm(c1, x, w1.transpose(1, 2))).view({members, batch * width, seeds, group.inner_width});
    const at::Tensor w2 = weight_norm(b[3], b[4].squeeze(-1)).unsqueeze(1);
    const at::Tensor t = (inner * w2).sum(-1) + b[5].view({members, 1, seeds});
    const at::Tensor logits = at::tanh(t) * gate_range + b[6].view({members, 1, seeds});
    const at::Tensor by_seed = logits.transpose(1, 2).reshape({members, seeds, batch, width});
    for (std::int64_t row = 0; row < members; ++row) {
      phi[static_cast<std::size_t>(points[static_cast<std::size_t>(row)])] = by_seed.select(0, row);
    }
  }
  return phi;
}

}  // namespace layersweep::probe
