#include "model/transformer/fast_layer.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "model/gradient_node.hpp"
#include "model/kernels.hpp"
#include "model/product.hpp"
#include "model/row_chunks.hpp"

namespace layersweep::model {
namespace {

using Index = std::int64_t;

const float* values(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

// R rows of T tokens, of which the first Q are computed: all, or one for the read-out.
struct Shape {
  Index rows, tokens, queries, hidden, inner, heads;
  Index probability_width;

  Index probabilities_per_row() const { return heads * queries * probability_width; }
};

// What a row leaves for the backward pass (or, without one, for the next product): offsets into one block, part after part
// over all rows. Queries, keys and values lie side by side where all tokens are queries, else queries apart.
struct Kept {
  float *query = nullptr, *key = nullptr, *value = nullptr;
  Index query_stride = 0, key_stride = 0;  // per token
  float* probabilities = nullptr;
  float *normalised_1 = nullptr, *deviation_1 = nullptr, *gelu_slope = nullptr, *normalised_2 = nullptr,
        *deviation_2 = nullptr;

  static Index projected_per_row(const Shape& s) {
    return s.queries == s.tokens ? 3 * s.tokens * s.hidden : (s.queries + 2 * s.tokens) * s.hidden;
  }
  static Index floats_per_row(const Shape& s) {
    return projected_per_row(s) + s.probabilities_per_row() + s.queries * (2 * s.hidden + s.inner + 2);
  }

  Kept() = default;  // keeps nothing

  // For `rows` rows in a block of floats_per_row each; of projected_per_row + probabilities_per_row, if only those are used.
  Kept(const Shape& s, float* block, Index rows) {
    const bool fused = s.queries == s.tokens;
    query = block;
    key = fused ? query + s.hidden : query + rows * s.queries * s.hidden;
    value = key + s.hidden;
    query_stride = fused ? 3 * s.hidden : s.hidden;
    key_stride = fused ? 3 * s.hidden : 2 * s.hidden;
    probabilities = block + rows * projected_per_row(s);
    const Index computed = rows * s.queries;
    normalised_1 = probabilities + rows * s.probabilities_per_row();
    normalised_2 = normalised_1 + computed * s.hidden;
    gelu_slope = normalised_2 + computed * s.hidden;
    deviation_1 = gelu_slope + computed * s.inner;
    deviation_2 = deviation_1 + computed;
  }

  // The same from row `first` on.
  Kept from(const Shape& s, Index first) const {
    Kept part = *this;
    const Index computed = first * s.queries;
    part.query += computed * query_stride;
    part.key += first * s.tokens * key_stride;
    part.value += first * s.tokens * key_stride;
    part.probabilities += first * s.probabilities_per_row();
    part.normalised_1 += computed * s.hidden;
    part.normalised_2 += computed * s.hidden;
    part.gelu_slope += computed * s.inner;
    part.deviation_1 += computed;
    part.deviation_2 += computed;
    return part;
  }
};

// The input states of a block, which are added to what it makes of them.
struct Residual {
  const float* states;
  Index stride;  // per token
};

struct RowRange {
  Index first, last;
};

class Layer {
 public:
  Layer(const TransformerSpec& spec, const LayerWeights& weights, const Shape& shape, const Index* lengths)
      : w_(weights), s_(shape), lengths_(lengths), epsilon_(static_cast<float>(spec.norm_epsilon)) {}

  // --- forward: states of rows [first, last) to mixed values (queries x H per row)
  void attend(const float* states, Index first, Index last, const Kept& kept, float* mixed, float* scratch) const {
    const Index n = (last - first) * s_.tokens;
    const Index h = s_.hidden;
    states += first * s_.tokens * h;
    if (s_.queries == s_.tokens) {
      product_transposed(states, h, w_.qkv.weight, kept.query, 3 * h, n);
      kernels().add_bias(kept.query, values(w_.qkv.bias), n, 3 * h);
    } else {
      product_transposed(states, s_.tokens * h, w_.qkv.weight.narrow(0, 0, h), kept.query, h, last - first);
      kernels().add_bias(kept.query, values(w_.qkv.bias), last - first, h);
      product_transposed(states, h, w_.qkv.weight.narrow(0, h, 2 * h), kept.key, 2 * h, n);
      kernels().add_bias(kept.key, values(w_.qkv.bias) + h, n, 2 * h);
    }
    for (Index row = first; row < last; ++row) {
      const Kept part = kept.from(s_, row - first);
      kernels().attention(attention_shape(row, kept), part.query, part.key, part.value, part.probabilities,
                          mixed + (row - first) * s_.queries * h, scratch);
    }
  }

  // --- forward: n tokens' mixed values to output states; `residual` are their input states. Uses n·(2H + inner) of scratch.
  void feed_forward(const float* mixed, const Residual& residual, Index n, const Kept& kept, float* out,
                    float* scratch) const {
    const Index h = s_.hidden;
    float* attended = scratch;
    float* inner = scratch + n * h;
    product_transposed(mixed, h, w_.attention_out.weight, attended, h, n);
    kernels().add_norm(attended, values(w_.attention_out.bias), residual.states, residual.stride,
                       values(w_.attention_norm.weight), values(w_.attention_norm.bias), epsilon_, n, h, attended,
                       kept.normalised_1, kept.deviation_1);
    product_transposed(attended, h, w_.up.weight, inner, s_.inner, n);
    kernels().bias_gelu(inner, values(w_.up.bias), n, s_.inner, kept.gelu_slope);
    product_transposed(inner, s_.inner, w_.down.weight, out, h, n);
    kernels().add_norm(out, values(w_.down.bias), attended, h, values(w_.output_norm.weight), values(w_.output_norm.bias),
                       epsilon_, n, h, out, kept.normalised_2, kept.deviation_2);
  }

  // --- backward of feed_forward: writes the gradients of the residual and of the mixed values. Uses n·(H + inner).
  void feed_forward_backward(const float* gradient, Index n, const Kept& kept, float* residual_gradient,
                             float* mixed_gradient, float* scratch) const {
    const Index h = s_.hidden;
    float* sum = scratch;  // gradient of the sum that the output norm saw, then of the attended states
    float* inner = scratch + n * h;
    kernels().norm_backward(gradient, h, values(w_.output_norm.weight), kept.normalised_2, kept.deviation_2, n, h, sum);
    product(sum, h, w_.down.weight, inner, s_.inner, n, Into::replace);
    kernels().multiply(inner, kept.gelu_slope, n * s_.inner);
    product(inner, s_.inner, w_.up.weight, sum, h, n, Into::add);
    kernels().norm_backward(sum, h, values(w_.attention_norm.weight), kept.normalised_1, kept.deviation_1, n, h,
                            residual_gradient);
    product(residual_gradient, h, w_.attention_out.weight, mixed_gradient, h, n, Into::replace);
  }

  // --- backward of attend: adds to `states_gradient` where all tokens are queries, else writes it. Uses
  // projected_per_row for each row, and the kernel's scratch.
  void attend_backward(const float* mixed_gradient, RowRange rows, const Kept& kept, float* states_gradient,
                       float* projected, float* scratch) const {
    const auto [first, last] = rows;
    const Index h = s_.hidden;
    const Kept gradients(s_, projected, last - first);
    for (Index row = first; row < last; ++row) {
      const Kept part = kept.from(s_, row - first);
      const Kept out = gradients.from(s_, row - first);
      kernels().attention_backward(attention_shape(row, kept), part.query, part.key, part.value, part.probabilities,
                                   mixed_gradient + (row - first) * s_.queries * h, s_.tokens, out.query, out.key, out.value,
                                   scratch);
    }
    const Index n = (last - first) * s_.tokens;
    states_gradient += first * s_.tokens * h;
    if (s_.queries == s_.tokens) {
      product(gradients.query, 3 * h, w_.qkv.weight, states_gradient, h, n, Into::add);
    } else {
      product(gradients.key, 2 * h, w_.qkv.weight.narrow(0, h, 2 * h), states_gradient, h, n, Into::replace);
      product(gradients.query, h, w_.qkv.weight.narrow(0, 0, h), states_gradient, s_.tokens * h, last - first, Into::add);
    }
  }

  Index kernel_scratch() const {
    Index most = 0;
    for (Index row = 0; row < s_.rows; ++row) most = std::max(most, lengths_[row]);
    return kernels().attention_scratch({s_.queries, most, s_.heads, s_.hidden / s_.heads, 0, 0, 0, s_.probability_width});
  }

 private:
  AttentionShape attention_shape(Index row, const Kept& kept) const {
    return {s_.queries,        lengths_[row],   s_.heads,  s_.hidden / s_.heads,
            kept.query_stride, kept.key_stride, s_.hidden, s_.probability_width};
  }

  const LayerWeights& w_;
  const Shape& s_;
  const Index* lengths_;
  float epsilon_;
};

void forward(const Layer& layer, const Shape& s, const float* states, const Kept* kept, float* out) {
  const Index h = s.hidden;
  const Index attention = layer.kernel_scratch();
  const Index temporary = kept == nullptr ? Kept::projected_per_row(s) + s.probabilities_per_row() : 0;
  const auto attend = [&](Index first, Index last, float* mixed, Scratch& scratch) {
    const Kept part =
        kept != nullptr ? kept->from(s, first) : Kept(s, scratch.take((last - first) * temporary), last - first);
    layer.attend(states, first, last, part, mixed, scratch.take(attention));
  };
  const auto feed_forward = [&](Index first, Index last, const float* mixed, Scratch& scratch) {
    const Index n = (last - first) * s.queries;
    const Kept part = kept != nullptr ? kept->from(s, first) : Kept();
    const Index stride = s.queries == s.tokens ? h : s.tokens * h;
    layer.feed_forward(mixed, {states + first * s.tokens * h, stride}, n, part, out + first * s.queries * h,
                       scratch.take(n * (h + s.inner)));
  };
  if (s.queries == s.tokens) {
    for_row_chunks(s.rows, s.tokens, [&](Index first, Index last) {
      const Index n = (last - first) * s.tokens;
      Scratch scratch((last - first) * temporary + attention + n * (2 * h + s.inner));
      float* mixed = scratch.take(n * h);
      attend(first, last, mixed, scratch);
      feed_forward(first, last, mixed, scratch);
    });
    return;
  }
  // The chunks that suit the keys and values have too few first tokens for the products above them.
  const at::Tensor mixed = at::empty({s.rows, s.queries, h});
  float* all_mixed = mixed.mutable_data_ptr<float>();
  for_row_chunks(s.rows, s.tokens, [&](Index first, Index last) {
    Scratch scratch((last - first) * temporary + attention);
    attend(first, last, all_mixed + first * s.queries * h, scratch);
  });
  for_row_chunks(s.rows, s.queries, [&](Index first, Index last) {
    Scratch scratch((last - first) * s.queries * (h + s.inner));
    feed_forward(first, last, all_mixed + first * s.queries * h, scratch);
  });
}

void backward(const Layer& layer, const Shape& s, const Kept& kept, const float* gradient, float* states_gradient) {
  const Index h = s.hidden;
  const Index attention = layer.kernel_scratch();
  const Index projected = Kept::projected_per_row(s);
  if (s.queries == s.tokens) {
    for_row_chunks(s.rows, s.tokens, [&](Index first, Index last) {
      const Index rows = last - first;
      const Index n = rows * s.tokens;
      Scratch scratch(n * h + std::max(n * (h + s.inner), rows * projected + attention));
      float* mixed = scratch.take(n * h);
      float* rest = scratch.take(std::max(n * (h + s.inner), rows * projected + attention));
      const Kept part = kept.from(s, first);
      // The residual's gradient goes where the attention's is added.
      layer.feed_forward_backward(gradient + first * s.tokens * h, n, part, states_gradient + first * s.tokens * h, mixed,
                                  rest);
      layer.attend_backward(mixed, {first, last}, part, states_gradient, rest, rest + rows * projected);
    });
    return;
  }
  const at::Tensor buffers = at::empty({2, s.rows, s.queries, h});
  float* mixed = buffers.mutable_data_ptr<float>();
  float* residual = mixed + s.rows * s.queries * h;
  for_row_chunks(s.rows, s.queries, [&](Index first, Index last) {
    const Index n = (last - first) * s.queries;
    Scratch scratch(n * (h + s.inner));
    const Index offset = first * s.queries * h;
    layer.feed_forward_backward(gradient + offset, n, kept.from(s, first), residual + offset, mixed + offset,
                                scratch.take(n * (h + s.inner)));
  });
  for_row_chunks(s.rows, s.tokens, [&](Index first, Index last) {
    Scratch scratch((last - first) * projected + attention);
    float* gradients = scratch.take((last - first) * projected);
    layer.attend_backward(mixed + first * s.queries * h, {first, last}, kept.from(s, first), states_gradient, gradients,
                          scratch.take(attention));
    for (Index row = first; row < last; ++row) {
      kernels().add_bias(states_gradient + row * s.tokens * h, residual + row * s.queries * h, 1, s.queries * h);
    }
  });
}

}  // namespace

bool has_fast_layer(const TransformerSpec& spec) {
  return spec.norm == NormKind::layer && spec.norm_place == NormPlace::after && spec.activation == Activation::gelu &&
         !spec.gated && spec.position == Positions::learned && !spec.causal && spec.query_key_value_bias &&
         spec.attention_out_bias && spec.feed_forward_bias && spec.norm_bias && spec.embedding_norm && !spec.head_norms &&
         spec.local.empty() && spec.key_head_count() == spec.heads && spec.query_width() == spec.hidden;
}

at::Tensor fast_layer(const TransformerSpec& spec, const LayerWeights& weights, const at::Tensor& states,
                      const at::Tensor& lengths, Need need) {
  base::ensure(states.dim() == 3 && states.size(2) == spec.hidden && states.scalar_type() == at::kFloat,
               "states are R x T x H in fp32");
  const bool record = records_gradient(states);
  const at::Tensor input = states.detach().contiguous();
  const at::Tensor length = lengths.contiguous();
  const Index* row_lengths = length.const_data_ptr<Index>();
  const Index longest = input.size(0) == 0 ? 1 : *std::max_element(row_lengths, row_lengths + length.numel());
  const Index lanes = kernels().lanes;
  const Shape shape{input.size(0), input.size(1), need == Need::read_out ? 1 : input.size(1), spec.hidden,
                    spec.inner,    spec.heads,    (longest + lanes - 1) / lanes * lanes};
  const Layer layer(spec, weights, shape, row_lengths);
  const at::Tensor out = at::empty({shape.rows, shape.queries, spec.hidden});
  if (!record) {
    forward(layer, shape, values(input), nullptr, out.mutable_data_ptr<float>());
    return out;
  }
  const at::Tensor block = at::empty({shape.rows * Kept::floats_per_row(shape)});
  const Kept kept(shape, block.mutable_data_ptr<float>(), shape.rows);
  forward(layer, shape, values(input), &kept, out.mutable_data_ptr<float>());
  connect({states}, out, [&spec, &weights, shape, length, block](const at::Tensor& gradient) {
    const at::Tensor above = gradient.contiguous();
    const at::Tensor below = at::empty({shape.rows, shape.tokens, shape.hidden});
    const Layer again(spec, weights, shape, length.const_data_ptr<Index>());
    backward(again, shape, Kept(shape, block.mutable_data_ptr<float>(), shape.rows), values(above),
             below.mutable_data_ptr<float>());
    return std::vector<at::Tensor>{below};
  });
  return out;
}

at::Tensor fast_embed(const TransformerSpec& spec, const TransformerWeights& weights, const at::Tensor& words,
                      const TokenPlaces& places) {
  const Index rows = words.size(0);
  const Index tokens = words.size(1);
  const Index h = spec.hidden;
  const at::Tensor input = words.detach().contiguous();
  const at::Tensor segment = places.segments.contiguous();
  const at::Tensor position = places.positions.defined() ? places.positions.contiguous() : at::Tensor();
  const Index* position_of = position.defined() ? position.const_data_ptr<Index>() : nullptr;
  const at::Tensor out = at::empty(input.sizes());
  const bool record = records_gradient(words);
  const at::Tensor normalised = record ? at::empty(input.sizes()) : at::Tensor();
  const at::Tensor deviation = record ? at::empty({rows, tokens}) : at::Tensor();
  float* to = out.mutable_data_ptr<float>();
  float* kept = record ? normalised.mutable_data_ptr<float>() : nullptr;
  float* inverse = record ? deviation.mutable_data_ptr<float>() : nullptr;
  for_row_chunks(rows, tokens, [&](Index first, Index last) {
    for (Index row = first; row < last; ++row) {
      for (Index token = 0; token < tokens; ++token) {
        const Index at = row * tokens + token;
        kernels().add_norm(
            values(input) + at * h, values(weights.position.weight) + (position_of != nullptr ? position_of[at] : token) * h,
            values(weights.segment.weight) + (spec.segments > 0 ? segment.const_data_ptr<Index>()[at] * h : 0), h,
            values(weights.embedding_norm.weight), values(weights.embedding_norm.bias),
            static_cast<float>(spec.norm_epsilon), 1, h, to + at * h, record ? kept + at * h : nullptr,
            record ? inverse + at : nullptr);
      }
    }
  });
  if (record) {
    connect({words}, out, [&weights, normalised, deviation, tokens, rows, h](const at::Tensor& gradient) {
      const at::Tensor above = gradient.contiguous();
      const at::Tensor below = at::empty(above.sizes());
      float* written = below.mutable_data_ptr<float>();
      for_row_chunks(rows, tokens, [&](Index first, Index last) {
        const Index at = first * tokens;
        kernels().norm_backward(values(above) + at * h, h, values(weights.embedding_norm.weight),
                                values(normalised) + at * h, values(deviation) + at, (last - first) * tokens, h,
                                written + at * h);
      });
      return std::vector<at::Tensor>{below};
    });
  }
  return out;
}

}  // namespace layersweep::model
