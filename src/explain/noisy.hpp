// Explainers that ask how much noise a token's state bears.
#pragma once

#include "explain/explainer.hpp"

namespace layersweep::explain {

/// Information bottleneck: Schulz, Sixt, Tombari, Landgraf, "Restricting the flow", ICLR 2020, per sample. The state becomes
/// λ·h + (1 − λ)·n, n normal with the mean and deviation of the point and λ = sigmoid(α) of the token; α minimises the
/// cross-entropy of the prediction plus β times the information let through. Returns that information in bits: the sum over
/// features of KL[λ·h + (1 − λ)·n ‖ n].
class Schulz final : public Explainer {
 public:
  static constexpr double beta = 10;
  explicit Schulz(const ExplainerSettings& settings) : settings_(settings) {}
  at::Tensor attribute(const Subject& subject) const override;

 private:
  ExplainerSettings settings_;
};

/// Guan, Wang, Zhang, Chen, He, Xie, "Towards a deep and unified understanding of deep neural models in NLP", ICML 2019:
/// noise σ·deviation·normal is added to the state, σ of the token as large (largest Σ log σ) as a divergence of ε allows.
/// Returns 1/σ.
class Guan final : public Explainer {
 public:
  explicit Guan(const ExplainerSettings& settings) : settings_(settings) {}
  at::Tensor attribute(const Subject& subject) const override;

 private:
  ExplainerSettings settings_;
};

}  // namespace layersweep::explain
