#include "model/read_out.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>

#include "base/error.hpp"

namespace layersweep::model {

Reading::Reading(ReadOut what, const Batch& batch, const at::Tensor& example, std::int64_t padding)
    : what_(what), lengths_(batch.lengths.index_select(0, example)) {
  if (what == ReadOut::last) {
    const at::Tensor text = batch.token_ids.ne(padding).logical_and(batch.mask).index_select(0, example);
    positions_ = (at::arange(text.size(1), lengths_.options()) * text).argmax(1, /*keepdim=*/true);
  }
  if (what == ReadOut::given) {
    base::ensure(batch.positions.defined(), "texts with given positions");
    positions_ = batch.positions.index_select(0, example);
  }
}

at::Tensor Reading::of(const at::Tensor& states) const {
  if (all_tokens()) return states;
  if (first_token()) return states.narrow(1, 0, 1);
  return states.gather(1, positions_.unsqueeze(2).expand({-1, -1, states.size(2)}));
}

std::int64_t Reading::count(std::int64_t tokens) const {
  return all_tokens() ? tokens : first_token() ? 1 : positions_.size(1);
}

at::Tensor Reading::positions(std::int64_t tokens) const {
  if (all_tokens()) return at::arange(tokens, lengths_.options()).unsqueeze(0).expand({lengths_.size(0), -1});
  return first_token() ? at::zeros({lengths_.size(0), 1}, lengths_.options()) : positions_;
}

at::Tensor Reading::joined(const at::Tensor& states) const {
  if (what_ == ReadOut::mean) {
    const at::Tensor of_text = positions(states.size(1)).lt(lengths_.unsqueeze(1)).to(states.scalar_type());
    return (states * of_text.unsqueeze(2)).sum(1) / lengths_.to(states.scalar_type()).unsqueeze(1);
  }
  return what_ == ReadOut::first || what_ == ReadOut::last ? states.select(1, 0) : states;
}

}  // namespace layersweep::model
