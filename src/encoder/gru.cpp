#include "encoder/gru.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.hpp"
#include "encoder/gradient_node.hpp"
#include "encoder/kernels.hpp"
#include "encoder/product.hpp"
#include "encoder/row_chunks.hpp"

namespace layersweep::encoder {
namespace {

using Index = std::int64_t;

// The rows, longest first: at every step the rows that still have a token are the first ones. A place is a (row, step)
// pair; places are numbered block by block, within a block step by step.
struct Schedule {
  std::vector<Index> order;   // rows by falling length
  std::vector<Index> length;  // of the rows in that order
  std::vector<Index> before;  // places of the rows before this one

  explicit Schedule(const at::Tensor& lengths) : order(lengths.numel()), length(order.size()), before(order.size() + 1, 0) {
    const Index* of_row = lengths.const_data_ptr<Index>();
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return of_row[a] > of_row[b]; });
    for (std::size_t place = 0; place < order.size(); ++place) {
      length[place] = of_row[order[place]];
      before[place + 1] = before[place] + length[place];
    }
  }

  // Of the rows [first, last): how many have more than `step` tokens.
  Index active(Index first, Index last, Index step) const {
    const auto end = std::partition_point(length.begin() + first, length.begin() + last, [&](Index l) { return l > step; });
    return end - (length.begin() + first);
  }
};

struct Sizes {
  Index rows, tokens, features, width;
};

// The weights as the kernels read them.
struct Operands {
  at::Tensor input_weight;  // F x 3W
  at::Tensor input_bias, state_weight, state_bias;

  explicit Operands(const GruWeights& w)
      : input_weight(w.input.detach().t().contiguous()),
        input_bias(w.input_bias.detach()),
        state_weight(w.state.detach()),
        state_bias(w.state_bias.detach()) {}
};

// The order of places depends on these ranges, so they do not depend on the number of threads.
constexpr Index rows_per_block = 128;

template <class Work>
void for_blocks(Index rows, Work work) {
  const Index blocks = (rows + rows_per_block - 1) / rows_per_block;
  for_row_chunks(blocks, most_tokens_per_chunk, [&](Index first, Index last) {
    for (Index block = first; block < last; ++block) {
      work(block * rows_per_block, std::min(rows, (block + 1) * rows_per_block));
    }
  });
}

const float* values(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

// Features in the order of places, all rows of a block at a step side by side; or back.
template <class Visit>
void visit_places(const Schedule& schedule, Index first, Index last, Visit visit) {
  Index place = schedule.before[first];
  for (Index step = 0; step < schedule.length[first]; ++step) {
    const Index active = schedule.active(first, last, step);
    for (Index row = 0; row < active; ++row) visit(place++, schedule.order[first + row], step);
  }
}

void forward_block(const Operands& w, const Sizes& s, const Schedule& schedule, const float* features, Index first,
                   Index last, float* inputs, float* kept, float* states) {
  const Index rows = last - first;
  Scratch scratch(rows * 4 * s.width);
  float* memory = scratch.take(rows * 3 * s.width);
  float* state = scratch.take(rows * s.width);
  std::fill_n(state, rows * s.width, 0.0f);
  visit_places(schedule, first, last, [&](Index place, Index row, Index step) {
    std::copy_n(features + (row * s.tokens + step) * s.features, s.features, inputs + place * s.features);
  });
  Index place = schedule.before[first];
  for (Index step = 0; step < schedule.length[first]; ++step) {
    const Index active = schedule.active(first, last, step);
    product_transposed(state, s.width, w.state_weight, memory, 3 * s.width, active);
    kernels().gru_step(inputs + place * s.features, s.features, values(w.input_weight), values(w.input_bias), memory,
                       values(w.state_bias), active, s.width, state, kept == nullptr ? nullptr : kept + place * 5 * s.width);
    place += active;
  }
  for (Index row = 0; row < rows; ++row) {
    std::copy_n(state + row * s.width, s.width, states + schedule.order[first + row] * s.width);
  }
}

// `memory_gradients` and `product_gradients` (places x 3W) are for the weights' gradients, or null.
void backward_block(const Operands& w, const Sizes& s, const Schedule& schedule, const float* kept, const float* gradient,
                    Index first, Index last, float* features_gradient, float* memory_gradients, float* product_gradients) {
  const Index rows = last - first;
  const Index places = schedule.before[last] - schedule.before[first];
  Scratch scratch(rows * 4 * s.width + places * s.features);
  float* state = scratch.take(rows * s.width);
  float* memory = scratch.take(rows * 3 * s.width);
  float* inputs = scratch.take(places * s.features);
  for (Index row = 0; row < rows; ++row) {
    std::copy_n(gradient + schedule.order[first + row] * s.width, s.width, state + row * s.width);
  }
  Index place = schedule.before[last];
  for (Index step = schedule.length[first] - 1; step >= 0; --step) {
    const Index active = schedule.active(first, last, step);
    place -= active;
    float* of_memory = memory_gradients == nullptr ? memory : memory_gradients + place * 3 * s.width;
    kernels().gru_step_backward(kept + place * 5 * s.width, s.features, values(w.input_weight), active, s.width, state,
                                of_memory, product_gradients == nullptr ? nullptr : product_gradients + place * 3 * s.width,
                                inputs + (place - schedule.before[first]) * s.features);
    product(of_memory, 3 * s.width, w.state_weight, state, s.width, active, Into::add);
  }
  visit_places(schedule, first, last, [&](Index at, Index row, Index step) {
    std::copy_n(inputs + (at - schedule.before[first]) * s.features, s.features,
                features_gradient + (row * s.tokens + step) * s.features);
  });
}

}  // namespace

at::Tensor gru_last_state(const GruWeights& weights, const at::Tensor& features, const at::Tensor& lengths) {
  const Sizes s{features.size(0), features.size(1), features.size(2), weights.state.size(1)};
  const at::Tensor input = features.detach().contiguous();
  const Schedule schedule(lengths.contiguous());
  base::ensure(schedule.length.empty() || (schedule.length.back() >= 1 && schedule.length.front() <= s.tokens),
               "every row has 1 .. T tokens");
  const bool train = at::GradMode::is_enabled() && weights.state.requires_grad();
  const bool record = train || records_gradient(features);
  const Operands operands(weights);
  const Index places = schedule.before.back();
  const at::Tensor out = at::empty({s.rows, s.width});
  const at::Tensor inputs = at::empty({places, s.features});
  const at::Tensor kept = record ? at::empty({places, 5 * s.width}) : at::Tensor();
  float* to = out.mutable_data_ptr<float>();
  float* ordered = inputs.mutable_data_ptr<float>();
  float* keep = record ? kept.mutable_data_ptr<float>() : nullptr;
  for_blocks(s.rows, [&](Index first, Index last) {
    forward_block(operands, s, schedule, values(input), first, last, ordered, keep, to);
  });
  if (!record) return out;

  std::vector<at::Tensor> sources = {features};
  if (train) sources.insert(sources.end(), {weights.input, weights.input_bias, weights.state, weights.state_bias});
  connect(sources, out, [=](const at::Tensor& gradient) -> std::vector<at::Tensor> {
    const at::Tensor above = gradient.contiguous();
    const at::Tensor below = at::zeros({s.rows, s.tokens, s.features});  // padding has none
    const at::Tensor buffers = train ? at::empty({2, places, 3 * s.width}) : at::Tensor();
    float* of_memory = train ? buffers.mutable_data_ptr<float>() : nullptr;
    float* of_product = train ? of_memory + places * 3 * s.width : nullptr;
    float* written = below.mutable_data_ptr<float>();
    for_blocks(s.rows, [&](Index first, Index last) {
      backward_block(operands, s, schedule, values(kept), values(above), first, last, written, of_memory, of_product);
    });
    if (!train) return {below};
    const at::Tensor old_state = kept.narrow(1, 4 * s.width, s.width);
    return {below, at::mm(buffers[1].t(), inputs), buffers[1].sum(0), at::mm(buffers[0].t(), old_state), buffers[0].sum(0)};
  });
  return out;
}

}  // namespace layersweep::encoder
