// Masks that are searched for each text on its own, with the objective of the amortised probes: keep as few tokens as the
// constraint on the divergence allows. Without a gate network nothing ties a mask to what the states tell: whatever can be
// dropped is dropped (hindsight).
#pragma once

#include "explain/explainer.hpp"

namespace layersweep::explain {

/// DiffMask with free gate logits for each token (De Cao et al., EMNLP 2020, "non-amortised"): the keep probability.
class PerSampleDiffMask final : public Explainer {
 public:
  explicit PerSampleDiffMask(const ExplainerSettings& settings) : settings_(settings) {}
  at::Tensor attribute(const Subject& subject) const override;

 private:
  ExplainerSettings settings_;
};

/// Bernoulli gates by the score function (Williams, Machine Learning 8, 1992) with the other draws of a step as baseline
/// (Kool, van Hoof, Welling, 2019), minimising the expected number of tokens kept: the keep probability. Takes no gradient
/// through the model.
class PerSampleReinforce final : public Explainer {
 public:
  explicit PerSampleReinforce(const ExplainerSettings& settings) : settings_(settings) {}
  at::Tensor attribute(const Subject& subject) const override;

 private:
  ExplainerSettings settings_;
};

}  // namespace layersweep::explain
