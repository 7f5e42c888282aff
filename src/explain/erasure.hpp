// Erasure: what happens to the output when tokens are dropped. Li, Monroe, Jurafsky, "Understanding neural networks through
// representation erasure", arXiv 1612.08220; Feng et al., EMNLP 2018, for the search.
#pragma once

#include "explain/explainer.hpp"

namespace layersweep::explain {

/// The divergence (nats) of the output without the token alone.
class LeaveOneOut final : public Explainer {
 public:
  at::Tensor attribute(const Subject& subject) const override;
};

/// The smallest sets of kept tokens whose divergence is at most ε, searched among all subsets: the share of these sets that
/// hold the token. NaN for texts of more than `most_tokens`.
class ExactErasure final : public Explainer {
 public:
  static constexpr std::int64_t most_tokens = 12;
  at::Tensor attribute(const Subject& subject) const override;
};

/// Drops token after token, always that which leaves the smallest divergence, to the last: the largest divergence (nats) up
/// to and including the token's drop. The tokens above ε are what a search that stops there would keep.
class GreedyErasure final : public Explainer {
 public:
  at::Tensor attribute(const Subject& subject) const override;
};

}  // namespace layersweep::explain
