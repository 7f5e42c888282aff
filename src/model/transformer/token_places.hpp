// Where the tokens of a batch stand, as embeddings of positions and segments see it.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "model/batch.hpp"
#include "model/transformer/specification.hpp"

namespace layersweep::model {

struct TokenPlaces {
  at::Tensor segments;   ///< R x T int64
  at::Tensor positions;  ///< R x T int64, rows of the table of positions; undefined: 0, 1, … in every row

  /// Those of the rows `example` (R int64).
  TokenPlaces of(const at::Tensor& example) const {
    return {segments.index_select(0, example), positions.defined() ? positions.index_select(0, example) : positions};
  }
};

inline TokenPlaces places_of(const TransformerSpec& spec, const Batch& batch) {
  if (spec.first_position == 0) return {batch.segments, {}};
  // As transformers counts: the token of padding has the row before the first, wherever it stands, and does not count.
  const at::Tensor counts = batch.token_ids.ne(spec.padding).to(at::kLong);
  return {batch.segments, counts.cumsum(1) * counts + (spec.first_position - 1)};
}

}  // namespace layersweep::model
