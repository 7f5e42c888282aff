#include "model/families/gru.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <vector>

#include "base/error.hpp"
#include "model/gradient_node.hpp"
#include "model/kernels.hpp"
#include "model/product.hpp"
#include "model/row_chunks.hpp"

namespace layersweep::model {
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

enum class States { last, all };

struct Sizes {
  Index rows, tokens, features, width;
  States states;

  Index out_stride() const { return states == States::all ? tokens * width : width; }
};

// Up to here the step kernel multiplies them itself: a product of its own would cost more calls than arithmetic.
constexpr Index few_features = 8;

// The weights as kernels and products read them.
struct Operands {
  at::Tensor few;   // F x 3W, where the step kernel multiplies; else undefined
  at::Tensor many;  // 3W x F, where a product does; else undefined
  at::Tensor input_bias, state_weight, state_bias;

  explicit Operands(const GruWeights& w)
      : input_bias(w.input_bias.detach()), state_weight(w.state.detach()), state_bias(w.state_bias.detach()) {
    if (w.input.size(1) <= few_features) {
      few = w.input.detach().t().contiguous();
    } else {
      many = w.input.detach();
    }
  }
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

const float* floats(const at::Tensor& tensor) { return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr; }

// Features in the order of places, all rows of a block at a step side by side; or back.
template <class Visit>
void visit_places(const Schedule& schedule, Index first, Index last, Visit visit) {
  Index place = schedule.before[first];
  for (Index step = 0; step < schedule.length[first]; ++step) {
    const Index active = schedule.active(first, last, step);
    for (Index row = 0; row < active; ++row) visit(place++, schedule.order[first + row], step);
  }
}

// What all blocks of rows share, and a block of them.
struct Work {
  const Operands& w;
  const Sizes& s;
  const Schedule& schedule;
};
struct Block {
  Index first, last;
};

// Where a forward pass writes: features in the order of places, what a backward pass needs (or null), states.
struct Written {
  float *inputs, *kept, *states;
};

void forward_block(const Work& work, Block block, const float* features, const Written& written) {
  const auto& [w, s, schedule] = work;
  const auto [first, last] = block;
  const auto [inputs, kept, states] = written;
  const Index rows = last - first;
  const bool many = w.many.defined();
  Scratch scratch(rows * (many ? 7 : 4) * s.width);
  float* memory = scratch.take(rows * 3 * s.width);
  float* state = scratch.take(rows * s.width);
  float* multiplied = many ? scratch.take(rows * 3 * s.width) : nullptr;
  std::fill_n(state, rows * s.width, 0.0f);
  visit_places(schedule, first, last, [&](Index place, Index row, Index step) {
    std::copy_n(features + (row * s.tokens + step) * s.features, s.features, inputs + place * s.features);
  });
  const auto write = [&](Index count, Index offset) {
    for (Index row = 0; row < count; ++row) {
      std::copy_n(state + row * s.width, s.width, states + schedule.order[first + row] * s.out_stride() + offset);
    }
  };
  Index place = schedule.before[first];
  for (Index step = 0; step < schedule.length[first]; ++step) {
    const Index active = schedule.active(first, last, step);
    product_transposed(state, s.width, w.state_weight, memory, 3 * s.width, active);
    const float* input = inputs + place * s.features;
    if (many) product_transposed(input, s.features, w.many, multiplied, 3 * s.width, active);
    kernels().gru_step(input, many ? 0 : s.features, floats(w.few), multiplied, floats(w.input_bias), memory,
                       floats(w.state_bias), active, s.width, state, kept == nullptr ? nullptr : kept + place * 5 * s.width);
    if (s.states == States::all) write(active, step * s.width);
    place += active;
  }
  if (s.states == States::last) write(rows, 0);
}

// Null where nobody wants them: those of the features; and, for the weights' gradients, of memory and product, places x 3W.
struct Gradients {
  float *features, *memory, *product;
};

void backward_block(const Work& work, Block block, const float* kept, const float* gradient, const Gradients& gradients) {
  const auto& [w, s, schedule] = work;
  const auto [first, last] = block;
  const auto [features_gradient, memory_gradients, product_gradients] = gradients;
  const Index rows = last - first;
  const Index places = schedule.before[last] - schedule.before[first];
  const bool many = w.many.defined();
  Scratch scratch(rows * (many ? 7 : 4) * s.width + places * s.features);
  float* state = scratch.take(rows * s.width);
  float* memory = scratch.take(rows * 3 * s.width);
  float* product_gradient = many ? scratch.take(rows * 3 * s.width) : nullptr;
  float* inputs = scratch.take(places * s.features);
  const auto add = [&](Index count, Index offset) {
    for (Index row = 0; row < count; ++row) {
      float* sum = state + row * s.width;
      const float* above = gradient + schedule.order[first + row] * s.out_stride() + offset;
      std::transform(sum, sum + s.width, above, sum, std::plus());
    }
  };
  std::fill_n(state, rows * s.width, 0.0f);
  if (s.states == States::last) add(rows, 0);
  Index place = schedule.before[last];
  for (Index step = schedule.length[first] - 1; step >= 0; --step) {
    const Index active = schedule.active(first, last, step);
    place -= active;
    if (s.states == States::all) add(active, step * s.width);
    float* of_memory = memory_gradients == nullptr ? memory : memory_gradients + place * 3 * s.width;
    float* of_product = product_gradients == nullptr ? product_gradient : product_gradients + place * 3 * s.width;
    float* of_input = inputs + (place - schedule.before[first]) * s.features;
    kernels().gru_step_backward(kept + place * 5 * s.width, many ? 0 : s.features, floats(w.few), active, s.width, state,
                                of_memory, of_product, of_input);
    if (many && features_gradient != nullptr) {
      product(of_product, 3 * s.width, w.many, of_input, s.features, active, Into::replace);
    }
    product(of_memory, 3 * s.width, w.state_weight, state, s.width, active, Into::add);
  }
  if (features_gradient == nullptr) return;
  visit_places(schedule, first, last, [&](Index at, Index row, Index step) {
    std::copy_n(inputs + (at - schedule.before[first]) * s.features, s.features,
                features_gradient + (row * s.tokens + step) * s.features);
  });
}

at::Tensor run_gru(const GruWeights& weights, const at::Tensor& features, const at::Tensor& lengths, States states) {
  const Sizes s{features.size(0), features.size(1), features.size(2), weights.state.size(1), states};
  const at::Tensor input = features.detach().contiguous();
  const Schedule schedule(lengths.contiguous());
  base::ensure(schedule.length.empty() || (schedule.length.back() >= 1 && schedule.length.front() <= s.tokens),
               "every row has 1 .. T tokens");
  const bool train = at::GradMode::is_enabled() && weights.state.requires_grad();
  const bool record = train || records_gradient(features);
  const Operands operands(weights);
  const Index places = schedule.before.back();
  const at::Tensor out = states == States::all ? at::zeros({s.rows, s.tokens, s.width}) : at::empty({s.rows, s.width});
  const at::Tensor inputs = at::empty({places, s.features});
  const at::Tensor kept = record ? at::empty({places, 5 * s.width}) : at::Tensor();
  float* to = out.mutable_data_ptr<float>();
  float* ordered = inputs.mutable_data_ptr<float>();
  float* keep = record ? kept.mutable_data_ptr<float>() : nullptr;
  for_blocks(s.rows, [&](Index first, Index last) {
    forward_block({operands, s, schedule}, {first, last}, floats(input), {ordered, keep, to});
  });
  if (!record) return out;

  std::vector<at::Tensor> sources = {features};
  const bool wants_features = features.requires_grad();
  if (train) sources.insert(sources.end(), {weights.input, weights.input_bias, weights.state, weights.state_bias});
  connect(sources, out, [=](const at::Tensor& gradient) -> std::vector<at::Tensor> {
    const at::Tensor above = gradient.contiguous();
    at::Tensor below;
    if (wants_features) below = at::zeros({s.rows, s.tokens, s.features});  // padding has none
    const at::Tensor buffers = train ? at::empty({2, places, 3 * s.width}) : at::Tensor();
    float* of_memory = train ? buffers.mutable_data_ptr<float>() : nullptr;
    float* of_product = train ? of_memory + places * 3 * s.width : nullptr;
    float* written = wants_features ? below.mutable_data_ptr<float>() : nullptr;
    for_blocks(s.rows, [&](Index first, Index last) {
      backward_block({operands, s, schedule}, {first, last}, floats(kept), floats(above), {written, of_memory, of_product});
    });
    if (!train) return {below};
    const at::Tensor old_state = kept.narrow(1, 4 * s.width, s.width);
    return {below, at::mm(buffers[1].t(), inputs), buffers[1].sum(0), at::mm(buffers[0].t(), old_state), buffers[0].sum(0)};
  });
  return out;
}

}  // namespace

at::Tensor gru_last_state(const GruWeights& weights, const at::Tensor& features, const at::Tensor& lengths) {
  return run_gru(weights, features, lengths, States::last);
}

at::Tensor gru_states(const GruWeights& weights, const at::Tensor& features, const at::Tensor& lengths) {
  return run_gru(weights, features, lengths, States::all);
}

}  // namespace layersweep::model
