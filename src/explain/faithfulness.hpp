// How much of the prediction hangs on the tokens that an explanation puts first: comprehensiveness, sufficiency and their
// areas over shares of tokens. DeYoung et al., "ERASER", ACL 2020, section 4.2. And how an explanation compares with a known
// truth: De Cao et al., EMNLP 2020, section 4.1.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "explain/subject.hpp"

namespace layersweep::explain {

/// Probabilities of what the clean output predicts, as outputs_above gives it. NaN for texts that were not explained.
struct Faithfulness {
  at::Tensor clean;    ///< B: with all tokens
  at::Tensor kept;     ///< S x B: with the first tokens only; sufficiency is clean − kept
  at::Tensor dropped;  ///< S x B: without them; comprehensiveness is clean − dropped
};

/// For each of S `shares` the ⌈share·n⌉ tokens of largest `attribution` (B x T), of a text's n tokens where `ranked` (B x T
/// bool) is true. The other tokens, special ones, stay. Equal attributions are taken from the front.
Faithfulness measure_faithfulness(const Subject& subject, const at::Tensor& attribution, const at::Tensor& ranked,
                                  std::span<const double> shares);

/// 1 on the `count[b]` ranked tokens of largest attribution of each text, B x T bool.
at::Tensor first_tokens(const at::Tensor& attribution, const at::Tensor& ranked, std::span<const std::int64_t> count);

/// |attribution| of a text, made to add up to 1, against the uniform distribution over its true tokens.
struct TruthMatch {
  double kl = 0;  ///< KL[truth ‖ attribution], nats; infinite where a true token gets nothing
  double js = 0;  ///< Jensen–Shannon divergence, nats
  double f1 = 0;  ///< of as many tokens of largest attribution as are true
};

/// All NaN where no token is true, none has an attribution, or one is not a number.
TruthMatch match_truth(std::span<const float> attribution, std::span<const std::uint8_t> truth);

}  // namespace layersweep::explain
