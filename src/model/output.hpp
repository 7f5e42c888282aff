// The seam between what a model puts out and everything that judges it. Logits are B x classes, or B x 2 x T for a span
// (start and end), where positions beyond a text's end hold `beyond_text`: a softmax over the last dimension gives the
// distributions in both cases, and only `answers` knows the kinds apart.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "model/batch.hpp"
#include "model/output_kind.hpp"

namespace layersweep::model {

/// A logit that leaves no probability and, unlike −∞, no NaN in a divergence.
inline constexpr double beyond_text = -1e30;

/// Tokens of the longest span that is looked at (max_answer_length of BERT's run_squad.py).
inline constexpr std::int64_t longest_answer = 30;

/// What the logits (… x B x classes or … x B x 2 x T) decide, … x B int64, comparable within a batch: the class, or
/// start · T + end. A span lies within `batch.answerable` and has the largest sum of its two logits; position 0, where
/// it is answerable, stands alone for "no answer", and is also what is left where nothing is answerable.
at::Tensor answers(OutputKind kind, const at::Tensor& logits, const Batch& batch);

/// What the data give, in the same form, B; −1 where they give nothing. A window of a passage without the given answer
/// counts as "no answer".
at::Tensor given_answers(OutputKind kind, const Batch& batch);

/// The sum over the batch of the cross-entropy with what the data give; of a span the mean of start and end, as in BERT's
/// run_squad.py. Differentiable with respect to `logits`.
at::Tensor summed_loss(OutputKind kind, const at::Tensor& logits, const Batch& batch);

}  // namespace layersweep::model
