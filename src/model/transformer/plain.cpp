#include "model/transformer/plain.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>

#include <cmath>
#include <limits>
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
  if (spec.norm == NormKind::layer) return at::layer_norm(x, {spec.hidden}, affine.weight, affine.bias, spec.norm_epsilon);
  return affine.weight * (x * at::rsqrt(x.square().mean({-1}, /*keepdim=*/true) + spec.norm_epsilon));
}

at::Tensor activate(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case Activation::gelu:
      return at::gelu(x);
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

// Rotates pairs of features, one of each half of a head's, by angles that grow with the position (R x tokens).
at::Tensor rotated(const TransformerSpec& spec, const at::Tensor& heads, const at::Tensor& position) {
  const std::int64_t half = spec.width_of_head() / 2;
  const at::Tensor step = at::pow(spec.rotary_base, at::arange(half, heads.options()) / -static_cast<double>(half));
  const at::Tensor angle = position.to(heads.scalar_type()).unsqueeze(-1).unsqueeze(1) * step;  // R x 1 x tokens x half
  const at::Tensor low = heads.narrow(-1, 0, half), high = heads.narrow(-1, half, half);
  return at::cat({low * angle.cos() - high * angle.sin(), high * angle.cos() + low * angle.sin()}, -1);
}

// Queries and keys by head, R x heads x tokens x width; those of fewer key heads stand for several heads each.
struct Heads {
  at::Tensor query, key, value;
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
  Heads heads{by_head(qkv[0], width), by_head(qkv[1], width), by_head(qkv[2], width)};
  if (spec.position == Positions::rotary) {
    const at::Tensor every = at::arange(states.all.size(1), input.lengths.options()).unsqueeze(0);
    heads.query =
        rotated(spec, heads.query, input.reading == nullptr ? every : input.reading->positions(states.all.size(1)));
    heads.key = rotated(spec, heads.key, every);
  }
  if (const std::int64_t times = spec.heads / spec.key_head_count(); times > 1) {
    for (at::Tensor* tensor : {&heads.key, &heads.value}) *tensor = tensor->repeat_interleave(times, 1);
  }
  return heads;
}

// Softmax weights of queries over the keys within the text, R x heads x queries x keys.
at::Tensor attend(const TransformerSpec& spec, const Heads& heads, const LayerInput& input) {
  const at::Tensor scores =
      at::matmul(heads.query, heads.key.transpose(-2, -1)) / std::sqrt(static_cast<double>(spec.width_of_head()));
  const std::int64_t tokens = input.states.size(1);
  at::Tensor hidden = beyond(input.lengths, tokens).unsqueeze(1).unsqueeze(1);
  if (spec.causal) {
    const at::Tensor every = at::arange(tokens, input.lengths.options());
    const at::Tensor query = input.reading == nullptr ? every.unsqueeze(0) : input.reading->positions(tokens);
    hidden = hidden.logical_or(every.gt(query.unsqueeze(-1)).unsqueeze(1));
  }
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
                 const at::Tensor& segments, Dropout dropout) {
  at::Tensor sum = words;
  if (spec.segments > 0) sum = sum + weights.segment.weight.index_select(0, segments.reshape({-1})).view(words.sizes());
  if (spec.position == Positions::learned) sum = sum + weights.position.weight.narrow(0, 0, words.size(1));
  if (spec.embedding_norm) sum = norm(spec, sum, weights.embedding_norm);
  return drop(sum, spec.hidden_dropout, dropout);
}

at::Tensor layer(const TransformerSpec& spec, const LayerWeights& w, const LayerInput& input, Dropout dropout) {
  const bool before = spec.norm_place == NormPlace::before;
  // One tensor where a post-norm layer takes it twice: its gradients are then added in one order.
  const Taken taken = taken_by(input, before ? norm(spec, input.states, w.attention_norm) : input.states);
  const at::Tensor below = before ? taken_by(input, input.states).computed : taken.computed;
  const Heads heads = heads_of(spec, w, input, taken);
  const at::Tensor attention = drop(attend(spec, heads, input), spec.attention_dropout, dropout);
  const at::Tensor mixed =
      at::matmul(attention, heads.value).transpose(1, 2).reshape({below.size(0), below.size(1), spec.query_width()});
  const at::Tensor attended = below + drop(linear(mixed, w.attention_out), spec.hidden_dropout, dropout);
  if (before) {
    const at::Tensor out = feed_forward(spec, w, norm(spec, attended, w.output_norm));
    return attended + drop(out, spec.hidden_dropout, dropout);
  }
  const at::Tensor normed = norm(spec, attended, w.attention_norm);
  return norm(spec, normed + drop(feed_forward(spec, w, normed), spec.hidden_dropout, dropout), w.output_norm);
}

at::Tensor attention_paid(const TransformerSpec& spec, const LayerWeights& w, const LayerInput& input) {
  const bool before = spec.norm_place == NormPlace::before;
  const Heads heads =
      heads_of(spec, w, input, taken_by(input, before ? norm(spec, input.states, w.attention_norm) : input.states));
  const at::Tensor by_query = attend(spec, heads, input).mean(1);  // R x queries x keys
  const at::Tensor attends = beyond(input.lengths, input.states.size(1)).logical_not().to(at::kFloat);
  return (by_query * attends.unsqueeze(-1)).sum(1) / input.lengths.to(at::kFloat).unsqueeze(-1);
}

at::Tensor read_out(const TransformerSpec& spec, const TransformerWeights& w, const LayerInput& input, Dropout dropout) {
  at::Tensor states = input.states;
  if (spec.norm_place == NormPlace::before) states = norm(spec, states, w.final_norm);
  states = input.reading->joined(states);
  if (spec.spans()) {
    const at::Tensor none = beyond(input.lengths, states.size(1)).unsqueeze(1);
    return linear(states, w.classifier).transpose(1, 2).masked_fill(none, beyond_text);
  }
  if (spec.head_activation != Activation::none) states = activate(spec.head_activation, linear(states, w.dense));
  return linear(drop(states, spec.head_dropout, dropout), w.classifier);
}

}  // namespace layersweep::model::plain
