// Which tokens' states at the last point a model's head reads.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/batch.hpp"

namespace layersweep::model {

enum class ReadOut {
  first,  ///< the first token of the text
  last,   ///< the last token of the text that is not the one of padding
  mean,   ///< the mean over the tokens of the text
  every,  ///< each token for itself
  given,  ///< the tokens at Batch::positions
};

/// The read-out of R rows of T tokens, rows of the batch's texts `example` (R int64).
class Reading {
 public:
  /// `padding` is a token that is not read as the last, though it be part of the text; −1: none.
  Reading(ReadOut what, const Batch& batch, const at::Tensor& example, std::int64_t padding = -1);

  /// Whether the states of all tokens are needed.
  bool all_tokens() const { return what_ == ReadOut::every || what_ == ReadOut::mean; }
  bool first_token() const { return what_ == ReadOut::first; }

  /// R x T x W to the states of the P tokens that are read, R x P x W; the whole where all are. A view where that can be.
  at::Tensor of(const at::Tensor& states) const;
  /// Tokens that `of` leaves of rows of T tokens.
  std::int64_t count(std::int64_t tokens) const;
  /// Where these stand in their rows, R x P int64, of rows of T tokens.
  at::Tensor positions(std::int64_t tokens) const;
  /// What `of` left (or all T tokens where all are needed) to what the head maps: R x W of one token or the mean over them,
  /// else R x P x W.
  at::Tensor joined(const at::Tensor& states) const;

 private:
  ReadOut what_;
  at::Tensor lengths_;    // R
  at::Tensor positions_;  // R x P, of `last` and `given`
};

}  // namespace layersweep::model
