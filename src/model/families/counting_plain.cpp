#include "model/families/counting_plain.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace layersweep::model::plain {

at::Tensor mix(const CountingWeights& w, const at::Tensor& input, const at::Tensor& query) {
  const std::int64_t width = input.size(2);
  const at::Tensor of_query = w.query.index_select(0, query.reshape({-1})).view({query.size(0), 2 * width});
  // The query is the same at every position: its part of the product is made once a row.
  const at::Tensor from_query = at::linear(of_query, w.mix_in.narrow(1, 0, 2 * width), w.mix_in_bias);
  const at::Tensor inner = at::tanh(at::linear(input, w.mix_in.narrow(1, 2 * width, width)) + from_query.unsqueeze(1));
  return at::linear(inner, w.mix_out, w.mix_out_bias);
}

at::Tensor last_state(const CountingWeights& w, const at::Tensor& features, const at::Tensor& lengths) {
  const std::int64_t width = w.gru_state.size(1);
  const at::Tensor from_input = at::linear(features, w.gru_input, w.gru_input_bias);  // R x T x 3W
  at::Tensor state = at::zeros({features.size(0), width});
  for (std::int64_t step = 0; step < features.size(1); ++step) {
    const auto input = from_input.select(1, step).chunk(3, 1);
    const auto memory = at::linear(state, w.gru_state, w.gru_state_bias).chunk(3, 1);
    const at::Tensor reset = at::sigmoid(input[0] + memory[0]);
    const at::Tensor update = at::sigmoid(input[1] + memory[1]);
    const at::Tensor fresh = at::tanh(input[2] + reset * memory[2]);
    const at::Tensor next = (1 - update) * fresh + update * state;
    state = at::where(lengths.gt(step).unsqueeze(1), next, state);
  }
  return state;
}

at::Tensor decide(const CountingWeights& w, const at::Tensor& state) {
  const at::Tensor logit = at::linear(state, w.head, w.head_bias);
  return at::cat({at::zeros_like(logit), logit}, 1);
}

}  // namespace layersweep::model::plain
