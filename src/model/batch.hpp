// Texts as padded tensors, the form in which encoders take them.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "data/corpus.hpp"

namespace layersweep::model {

/// B examples padded to the longest, T tokens.
struct Batch {
  at::Tensor token_ids;   ///< B x T int64, padding is 0
  at::Tensor segments;    ///< B x T int64
  at::Tensor lengths;     ///< B int64
  at::Tensor mask;        ///< B x T bool, true on tokens
  at::Tensor query;       ///< B x 2 int64 for the counting task, else undefined
  at::Tensor positions;   ///< B x P int64, of the tokens that a head of given positions reads; else undefined
  at::Tensor labels;      ///< B int64, −1 where there is none
  at::Tensor answerable;  ///< B x T bool, true where an answer may lie; undefined but in question answering
  at::Tensor answer;  ///< B x 2 int64, first and last token of the given answer, −1 where the text holds none; likewise

  std::int64_t size() const { return token_ids.size(0); }
  std::int64_t width() const { return token_ids.size(1); }

  /// The same in the memory of `device`; itself where it lies there.
  Batch to(at::Device device) const;
};

/// In the memory of the host.
Batch collate(const data::Corpus& corpus, std::span<const std::int64_t> examples);

}  // namespace layersweep::model
