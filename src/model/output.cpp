#include "model/output.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/where.h>

#include <limits>

#include "base/error.hpp"

namespace layersweep::model {
namespace {

constexpr double never = -std::numeric_limits<double>::infinity();

at::Tensor spans(const at::Tensor& logits, const Batch& batch) {
  const std::int64_t width = logits.size(-1);
  const at::Tensor closed = (batch.answerable.defined() ? batch.answerable : batch.mask).logical_not();
  const at::Tensor start = logits.select(-2, 0).masked_fill(closed, never);
  const at::Tensor end = logits.select(-2, 1).masked_fill(closed, never);
  // … x B x T x longest_answer: the end that many tokens behind the start.
  const at::Tensor ends = at::constant_pad_nd(end, {0, longest_answer - 1}, never).unfold(-1, longest_answer, 1);
  const at::Tensor scores = start.unsqueeze(-1) + ends;
  scores.select(-2, 0).narrow(-1, 1, longest_answer - 1).fill_(never);
  const at::Tensor best = at::argmax(scores.flatten(-2), -1);
  const at::Tensor first = best.div(longest_answer, "floor");
  return first * width + first + best.remainder(longest_answer);
}

// Of the tokens: the given one, 0 where the window has none.
at::Tensor given_tokens(const Batch& batch) {
  base::ensure(batch.answer.defined(), "texts whose answers are spans");
  return batch.answer.clamp_min(0);
}

}  // namespace

at::Tensor answers(OutputKind kind, const at::Tensor& logits, const Batch& batch) {
  return kind == OutputKind::classes ? at::argmax(logits, -1) : spans(logits, batch);
}

at::Tensor given_answers(OutputKind kind, const Batch& batch) {
  if (kind == OutputKind::classes) return batch.labels;
  const at::Tensor tokens = given_tokens(batch);
  return tokens.select(1, 0) * batch.width() + tokens.select(1, 1);
}

at::Tensor summed_loss(OutputKind kind, const at::Tensor& logits, const Batch& batch) {
  if (kind == OutputKind::classes) return at::cross_entropy_loss(logits, batch.labels, {}, at::Reduction::Sum);
  const at::Tensor tokens = given_tokens(batch);
  const auto side = [&](std::int64_t which) {
    return at::cross_entropy_loss(logits.select(1, which), tokens.select(1, which), {}, at::Reduction::Sum);
  };
  return (side(0) + side(1)) / 2;
}

}  // namespace layersweep::model
