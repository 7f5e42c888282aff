#include "model/transformer/plain.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ceil.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "base/error.hpp"
#include "model/output.hpp"

namespace layersweep::model::plain {
namespace {

at::Tensor drop(const at::Tensor& x, double rate, Dropout dropout) {
  if (dropout == nullptr || rate == 0) return x;
  return x * at::empty_like(x, at::TensorOptions().requires_grad(false)).bernoulli_(1 - rate, *dropout).div_(1 - rate);
}

at::Tensor norm(const TransformerSpec& spec, const at::Tensor& x, const Affine& affine) {
  if (!affine.weight.defined()) return x;
  if (spec.norm == NormKind::layer) return at::layer_norm(x, {x.size(-1)}, affine.weight, affine.bias, spec.norm_epsilon);
  return affine.weight * (x * at::rsqrt(x.square().mean({-1}, /*keepdim=*/true) + spec.norm_epsilon));
}

at::Tensor activate(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case Activation::gelu:
      return at::gelu(x);
    case Activation::gelu_tanh:
      return at::gelu(x, "tanh");
    case Activation::silu:
      return at::silu(x);
    case Activation::tanh:
      return at::tanh(x);
    case Activation::relu:
      return at::relu(x);
    case Activation::none:
      return x;
  }
  throw base::InternalError("an activation out of range");
}

// x·wᵀ + bias; where the weights are bf16, of operands rounded to bf16, with the rest in x's type.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (weight.scalar_type() == x.scalar_type()) return at::linear(x, weight, bias);
  const at::Tensor product = at::linear(x.to(weight.scalar_type()), weight).to(x.scalar_type());
  return bias.defined() ? product + bias : product;
}
at::Tensor linear(const at::Tensor& x, const Affine& affine) { return linear(x, affine.weight, affine.bias); }

// The same with rows [first, first + count) of the map alone.
at::Tensor linear_part(const at::Tensor& x, const Affine& affine, std::int64_t first, std::int64_t count) {
  return linear(x, affine.weight.narrow(0, first, count),
                affine.bias.defined() ? affine.bias.narrow(0, first, count) : at::Tensor());
}

// Whether a position lies behind the end of each row's text, R x tokens.
at::Tensor beyond(const at::Tensor& lengths, std::int64_t tokens) {
  return at::arange(tokens, lengths.options()).unsqueeze(0).ge(lengths.unsqueeze(1));
}

// R x tokens x heads·width -> R x heads x tokens x width
at::Tensor by_head(const at::Tensor& x, std::int64_t width) {
  return x.view({x.size(0), x.size(1), x.size(2) / width, width}).transpose(1, 2);
}

// Angles per position of the pairs of features, in the arithmetic of transformers, whose last digit grows with the position.
at::Tensor angles(const Rotary& rotary, std::int64_t width, const at::TensorOptions& options) {
  const at::Tensor step =
      1.0 / at::pow(rotary.base, at::arange(0, width, 2, options.dtype(at::kFloat)) / static_cast<double>(width));
  if (rotary.original == 0) return step / rotary.factor;
  const auto original = static_cast<double>(rotary.original);
  const at::Tensor wavelength = 2 * std::numbers::pi / step;
  const at::Tensor kept = ((original / wavelength - rotary.low) / (rotary.high - rotary.low)).clamp(0, 1);
  return (1 - kept) * step / rotary.factor + kept * step;
}

// Rotates pairs of features, one of each half of the part of a head's that is rotated, by angles that grow with the position
// (R x tokens).
at::Tensor rotated(const Rotary& rotary, const at::Tensor& heads, const at::Tensor& position) {
  const auto width = static_cast<std::int64_t>(static_cast<double>(heads.size(-1)) * rotary.part), half = width / 2;
  const at::Tensor angle = position.to(at::kFloat).unsqueeze(-1).unsqueeze(1) * angles(rotary, width, heads.options());
  const at::Tensor low = heads.narrow(-1, 0, half), high = heads.narrow(-1, half, half);
  const at::Tensor rest = heads.narrow(-1, width, heads.size(-1) - width);
  return at::cat({low * angle.cos() - high * angle.sin(), high * angle.cos() + low * angle.sin(), rest}, -1);
}

// Queries and keys by head, R x heads x tokens x width; those of fewer key heads stand for several heads each.
struct Heads {
  at::Tensor query, key, value;
  at::Tensor relative_query = {}, relative_key = {};  // 1 x heads x vectors of relative positions x width
};

// Of states as the block takes them: of all tokens, and of those computed, which is the same tensor where all are.
struct Taken {
  at::Tensor all, computed;
};

Taken taken_by(const LayerInput& input, const at::Tensor& states) {
  return {states, input.reading == nullptr ? states : input.reading->of(states)};
}

Heads heads_of(const TransformerSpec& spec, const LayerWeights& w, const LayerInput& input, const Taken& states) {
  const std::int64_t q = spec.query_width(), k = spec.key_width(), width = spec.width_of_head();
  std::vector<at::Tensor> qkv;
  if (states.computed.is_same(states.all)) {
    qkv = linear(states.all, w.qkv).split_with_sizes({q, k, k}, 2);
  } else {
    qkv = {linear_part(states.computed, w.qkv, 0, q)};
    for (const at::Tensor& tensor : linear_part(states.all, w.qkv, q, 2 * k).chunk(2, 2)) qkv.push_back(tensor);
  }
  Heads heads{norm(spec, by_head(qkv[0], width), w.query_norm), norm(spec, by_head(qkv[1], width), w.key_norm),
              by_head(qkv[2], width)};
  if (spec.position == Positions::rotary) {
    const at::Tensor every = at::arange(states.all.size(1), input.lengths.options()).unsqueeze(0);
    const Rotary& rotary = w.local ? spec.local_rotary : spec.rotary;
    heads.query =
        rotated(rotary, heads.query, input.reading == nullptr ? every : input.reading->positions(states.all.size(1)));
    heads.key = rotated(rotary, heads.key, every);
  }
  if (spec.position == Positions::relative) {
    base::ensure(input.relative.defined(), "layers of relative positions are given them");
    const at::Tensor vectors = input.relative.unsqueeze(0);
    if (spec.relative.queries) heads.relative_query = by_head(linear_part(vectors, w.qkv, 0, q), width);
    if (spec.relative.keys) heads.relative_key = by_head(linear_part(vectors, w.qkv, q, k), width);
  }
  if (const std::int64_t times = spec.heads / spec.key_head_count(); times > 1) {
    for (at::Tensor* tensor : {&heads.key, &heads.value}) *tensor = tensor->repeat_interleave(times, 1);
  }
  return heads;
}

// The vector of each distance `ahead` of a query (… x queries x keys int64), by the arithmetic of transformers, whose
// rounding decides at the borders of the logarithmic part.
at::Tensor relative_index(const RelativePositions& relative, const at::Tensor& ahead) {
  const at::Tensor distance = ahead.neg();
  at::Tensor bucket = distance;
  if (relative.longest > 0) {
    const std::int64_t middle = relative.span / 2;
    const at::Tensor far = distance.abs().clamp_min(middle);
    const at::Tensor whole = at::log(at::scalar_tensor(static_cast<double>(relative.longest - 1) / middle, at::kFloat));
    const at::Tensor steps =
        at::ceil(at::log(far.to(at::kFloat) / middle) / whole.to(ahead.device()) * (middle - 1)) + middle;
    bucket = at::where(distance.abs().le(middle), distance, steps.to(at::kLong) * distance.sign());
  }
  return (bucket + relative.span).clamp(0, 2 * relative.span - 1);
}

// Scores before the softmax, R x heads x queries x keys, of keys that lie so far `ahead` of queries (R or 1 x queries x
// keys).
at::Tensor scores_of(const TransformerSpec& spec, const Heads& heads, const at::Tensor& ahead) {
  at::Tensor scores = at::matmul(heads.query, heads.key.transpose(-2, -1));
  double terms = 1;
  if (spec.position == Positions::relative) {
    const at::Tensor index = relative_index(spec.relative, ahead).unsqueeze(1).expand(scores.sizes());
    if (spec.relative.keys) {
      scores = scores + at::matmul(heads.query, heads.relative_key.transpose(-2, -1)).gather(-1, index);
      ++terms;
    }
    if (spec.relative.queries) {
      const at::Tensor by_key = at::matmul(heads.key, heads.relative_query.transpose(-2, -1));
      scores = scores + by_key.gather(-1, index.transpose(-2, -1)).transpose(-2, -1);
      ++terms;
    }
  }
  return scores / std::sqrt(static_cast<double>(spec.width_of_head()) * terms);
}

// Softmax weights of queries over the keys within the text, R x heads x queries x keys.
at::Tensor attend(const TransformerSpec& spec, const LayerWeights& w, const Heads& heads, const LayerInput& input) {
  const std::int64_t tokens = input.states.size(1);
  at::Tensor ahead;  // of the query, R or 1 x queries x keys
  if (spec.causal || w.local || spec.position == Positions::relative) {
    const at::Tensor every = at::arange(tokens, input.lengths.options());
    const at::Tensor query = input.reading == nullptr ? every.unsqueeze(0) : input.reading->positions(tokens);
    ahead = every - query.unsqueeze(-1);
  }
  const at::Tensor scores = scores_of(spec, heads, ahead);
  at::Tensor hidden = beyond(input.lengths, tokens).unsqueeze(1).unsqueeze(1);
  if (spec.causal) hidden = hidden.logical_or(ahead.gt(0).unsqueeze(1));
  // A query beyond the text may see no key: its states are not used, but must not be NaN.
  if (w.local) hidden = hidden.logical_or(ahead.abs().gt(spec.window).unsqueeze(1)).logical_and(ahead.ne(0).unsqueeze(1));
  return at::softmax(scores.masked_fill(hidden, -std::numeric_limits<float>::infinity()), -1);
}

at::Tensor feed_forward(const TransformerSpec& spec, const LayerWeights& w, const at::Tensor& x) {
  const at::Tensor inner = linear(x, w.up);
  if (!spec.gated) return linear(activate(spec.activation, inner), w.down);
  const std::vector<at::Tensor> parts = inner.chunk(2, -1);
  return linear(activate(spec.activation, parts[0]) * parts[1], w.down);
}

}  // namespace

at::Tensor embed(const TransformerSpec& spec, const TransformerWeights& weights, const at::Tensor& words,
                 const TokenPlaces& places, Dropout dropout) {
  const auto rows_of = [&](const Affine& table, const at::Tensor& numbers) {
    return table.weight.index_select(0, numbers.reshape({-1})).view(words.sizes());
  };
  at::Tensor sum = words;
  if (spec.segments > 0) sum = sum + rows_of(weights.segment, places.segments);
  if (places.positions.defined()) {
    sum = sum + rows_of(weights.position, places.positions);
  } else if (spec.position == Positions::learned) {
    sum = sum + weights.position.weight.narrow(0, 0, words.size(1));
  }
  sum = drop(norm(spec, sum, weights.embedding_norm), spec.embedding_dropout.value_or(spec.hidden_dropout), dropout);
  return spec.embedding_map ? linear(sum, weights.embedding_map) : sum;
}

at::Tensor relative_rows(const TransformerSpec& spec, const TransformerWeights& weights) {
  return spec.position == Positions::relative ? norm(spec, weights.relative.weight, weights.relative_norm) : at::Tensor();
}

at::Tensor layer(const TransformerSpec& spec, const LayerWeights& w, const LayerInput& input, Dropout dropout) {
  const bool before = spec.norm_place == NormPlace::before;
  // One tensor where a post-norm layer takes it twice: its gradients are then added in one order.
  const Taken taken = taken_by(input, before ? norm(spec, input.states, w.attention_norm) : input.states);
  const at::Tensor below = before ? taken_by(input, input.states).computed : taken.computed;
  const Heads heads = heads_of(spec, w, input, taken);
  const at::Tensor attention = drop(attend(spec, w, heads, input), spec.attention_dropout, dropout);
  const at::Tensor mixed =
      at::matmul(attention, heads.value).transpose(1, 2).reshape({below.size(0), below.size(1), spec.query_width()});
  const at::Tensor attended = below + drop(linear(mixed, w.attention_out), spec.hidden_dropout, dropout);
  if (before) {
    const at::Tensor out = feed_forward(spec, w, norm(spec, spec.parallel ? below : attended, w.output_norm));
    return attended + drop(out, spec.hidden_dropout, dropout);
  }
  const at::Tensor normed = norm(spec, attended, w.attention_norm);
  return norm(spec, normed + drop(feed_forward(spec, w, normed), spec.hidden_dropout, dropout), w.output_norm);
}

at::Tensor attention_paid(const TransformerSpec& spec, const LayerWeights& w, const LayerInput& input) {
  const bool before = spec.norm_place == NormPlace::before;
  const Heads heads =
      heads_of(spec, w, input, taken_by(input, before ? norm(spec, input.states, w.attention_norm) : input.states));
  const at::Tensor by_query = attend(spec, w, heads, input).mean(1);  // R x queries x keys
  const at::Tensor attends = beyond(input.lengths, input.states.size(1)).logical_not().to(at::kFloat);
  return (by_query * attends.unsqueeze(-1)).sum(1) / input.lengths.to(at::kFloat).unsqueeze(-1);
}

at::Tensor read_out(const TransformerSpec& spec, const TransformerWeights& w, const LayerInput& input, Dropout dropout) {
  at::Tensor states = input.states;
  states = norm(spec, states, w.final_norm);
  states = input.reading->joined(states);
  if (spec.maps_read_out()) {
    states = norm(spec, activate(spec.head_activation, linear(states, w.dense)), w.dense_norm);
  }
  if (spec.spans()) {
    const at::Tensor none = beyond(input.lengths, states.size(1)).unsqueeze(1);
    return linear(states, w.classifier).transpose(1, 2).masked_fill(none, beyond_text);
  }
  return linear(drop(states, spec.head_dropout, dropout), w.classifier);
}

}  // namespace layersweep::model::plain
