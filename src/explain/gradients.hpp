// Explainers by gradients of the predicted output's log probability, with respect to the states at the point; features of a
// token add up, so its sign says whether the token speaks for or against the prediction.
#pragma once

#include <vector>

#include "explain/explainer.hpp"

namespace layersweep::explain {

/// Σ h·∂score/∂h. Shrikumar, Greenside, Shcherbina, Kundaje, "Not just a black box", arXiv 1605.01713.
class GradientTimesInput final : public Explainer {
 public:
  at::Tensor attribute(const Subject& subject) const override;
};

/// Σ (h − b)·∫ ∂score/∂h along the straight line from all tokens replaced to none, by Gauss–Legendre quadrature.
/// Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017. The tokens of a text add up to what the
/// score gains from b to h.
class IntegratedGradients final : public Explainer {
 public:
  explicit IntegratedGradients(std::int64_t steps);
  at::Tensor attribute(const Subject& subject) const override;

 private:
  std::int64_t steps_;
};

/// Nodes and weights that integrate polynomials up to degree 2n − 1 exactly over 0 … 1; the weights add up to 1.
struct Quadrature {
  std::vector<double> nodes, weights;
};
Quadrature gauss_legendre(std::int64_t n);

}  // namespace layersweep::explain
