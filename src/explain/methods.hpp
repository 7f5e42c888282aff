// Explainer::attribute of each method; a file each.
#pragma once

#include <vector>

#include "explain/explainer.hpp"

namespace layersweep::explain {

// Erasure: what happens to the output when tokens are dropped. Li, Monroe, Jurafsky, "Understanding neural networks through
// representation erasure", arXiv 1612.08220; Feng et al., EMNLP 2018, for the search.

/// The divergence (nats) of the output without the token alone.
at::Tensor leave_one_out(const Subject& subject, const ExplainerSettings&);

/// The smallest sets of kept tokens whose divergence is at most ε, searched among all subsets: the share of these sets that
/// hold the token. NaN for texts of more than `most_tokens_erased_exactly`.
at::Tensor exact_erasure(const Subject& subject, const ExplainerSettings&);
inline constexpr std::int64_t most_tokens_erased_exactly = 12;

/// Drops token after token, always that which leaves the smallest divergence, to the last: the largest divergence (nats) up
/// to and including the token's drop. The tokens above ε are what a search that stops there would keep.
at::Tensor greedy_erasure(const Subject& subject, const ExplainerSettings&);

// Masks that are searched for each text on its own, with the objective of the amortised probes: keep as few tokens as the
// constraint on the divergence allows. Without a gate network nothing ties a mask to what the states tell: whatever can be
// dropped is dropped (hindsight).

/// DiffMask with free gate logits for each token (De Cao et al., EMNLP 2020, "non-amortised"): the keep probability.
at::Tensor per_sample_diffmask(const Subject& subject, const ExplainerSettings& settings);

/// Bernoulli gates by the score function (Williams, Machine Learning 8, 1992) with the other draws of a step as baseline
/// (Kool, van Hoof, Welling, 2019), minimising the expected number of tokens kept: the keep probability. Takes no gradient
/// through the model.
at::Tensor per_sample_reinforce(const Subject& subject, const ExplainerSettings& settings);

// Gradients of the predicted output's log probability, with respect to the states at the point; features of a token add up,
// so its sign says whether the token speaks for or against the prediction.

/// Σ (h − b)·∫ ∂score/∂h along the straight line from all tokens replaced to none, by Gauss–Legendre quadrature.
/// Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017. The tokens of a text add up to what the
/// score gains from b to h.
at::Tensor integrated_gradients(const Subject& subject, const ExplainerSettings& settings);

/// Nodes and weights that integrate polynomials up to degree 2n − 1 exactly over 0 … 1; the weights add up to 1.
struct Quadrature {
  std::vector<double> nodes, weights;
};
Quadrature gauss_legendre(std::int64_t n);

/// Σ h·∂score/∂h. Shrikumar, Greenside, Shcherbina, Kundaje, "Not just a black box", arXiv 1605.01713.
at::Tensor gradient_times_input(const Subject& subject, const ExplainerSettings&);

// How much noise a token's state bears.

/// Information bottleneck: Schulz, Sixt, Tombari, Landgraf, "Restricting the flow", ICLR 2020, per sample. The state becomes
/// λ·h + (1 − λ)·n, n normal with the mean and deviation of the point and λ = sigmoid(α) of the token; α minimises the
/// cross-entropy of the prediction plus β times the information let through. Returns that information in bits: the sum over
/// features of KL[λ·h + (1 − λ)·n ‖ n].
at::Tensor schulz(const Subject& subject, const ExplainerSettings& settings);

/// Guan, Wang, Zhang, Chen, He, Xie, "Towards a deep and unified understanding of deep neural models in NLP", ICML 2019:
/// noise σ·deviation·normal is added to the state, σ of the token as large (largest Σ log σ) as a divergence of ε allows.
/// Returns 1/σ.
at::Tensor guan(const Subject& subject, const ExplainerSettings& settings);

// What costs next to nothing.

/// What the layer above the point pays to each token: model::AttendingModel. NaN where nothing attends.
at::Tensor attention(const Subject& subject, const ExplainerSettings&);

/// A uniform draw for each token, the same at every point: the floor under every comparison.
at::Tensor random(const Subject& subject, const ExplainerSettings& settings);

}  // namespace layersweep::explain
