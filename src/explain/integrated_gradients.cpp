#include <ATen/TensorOperators.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.hpp"
#include "explain/methods.hpp"

namespace layersweep::explain {

at::Tensor integrated_gradients(const Subject& subject, const ExplainerSettings& settings) {
  const std::int64_t steps = settings.integration_steps;
  base::ensure(steps > 0, "an integral needs a step");
  const auto [nodes, weights] = gauss_legendre(steps);
  const std::int64_t at_once =
      std::max<std::int64_t>(1, subject.token_budget / (subject.texts() * subject.width()));  // steps in one pass
  const at::Tensor& states = subject.states();
  at::Tensor sum = at::zeros_like(states);
  for (std::int64_t first = 0; first < steps; first += at_once) {
    const std::int64_t count = std::min(at_once, steps - first);
    const auto part = [&](const std::vector<double>& all) {
      return at::tensor(at::ArrayRef<double>(all.data() + first, static_cast<std::size_t>(count)), at::kFloat)
          .view({count, 1, 1, 1});
    };
    const at::Tensor path = at::lerp(subject.replacement.view({1, 1, 1, -1}), states.unsqueeze(0), part(nodes));
    const at::Tensor gradient =
        score_gradient(subject, path.flatten(0, 1), repeated_texts(subject, count)).view(path.sizes());
    sum.add_((gradient * part(weights)).sum(0));
  }
  return ((states - subject.replacement) * sum).sum(-1);
}

Quadrature gauss_legendre(std::int64_t n) {
  const auto degree = static_cast<unsigned>(n);
  Quadrature result;
  for (std::int64_t i = n; i >= 1; --i) {
    // Newton's method from the well-known first guess (Abramowitz and Stegun, 22.16.6); roots ascend.
    double x = std::cos(std::numbers::pi * (static_cast<double>(i) - 0.25) / (static_cast<double>(n) + 0.5));
    double slope = 1;
    for (int round = 0; round < 100; ++round) {
      const double value = std::legendre(degree, x);
      slope = static_cast<double>(n) * (x * value - std::legendre(degree - 1, x)) / (x * x - 1);
      const double change = value / slope;
      x -= change;
      if (std::abs(change) < 1e-15) break;
    }
    result.nodes.push_back((1 + x) / 2);
    result.weights.push_back(1 / ((1 - x * x) * slope * slope));
  }
  return result;
}

}  // namespace layersweep::explain
