#include "model/bert_plain.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>

#include <cmath>
#include <limits>
#include <vector>

#include "model/output.hpp"

namespace layersweep::model::plain {
namespace {

at::Tensor drop(const at::Tensor& x, double rate, Dropout dropout) {
  if (dropout == nullptr || rate == 0) return x;
  return x * at::empty_like(x, at::TensorOptions().requires_grad(false)).bernoulli_(1 - rate, *dropout).div_(1 - rate);
}

at::Tensor norm(const BertConfig& config, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::layer_norm(x, {config.hidden}, weight, bias, config.norm_epsilon);
}

// x·wᵀ + bias; where the weights are bf16, of operands rounded to bf16, with the rest in x's type.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (weight.scalar_type() == x.scalar_type()) return at::linear(x, weight, bias);
  return at::linear(x.to(weight.scalar_type()), weight).to(x.scalar_type()) + bias;
}

// Whether a position lies behind the end of each row's text, R x tokens.
at::Tensor beyond(const at::Tensor& lengths, std::int64_t tokens) {
  return at::arange(tokens, lengths.options()).unsqueeze(0).ge(lengths.unsqueeze(1));
}

// R x tokens x H -> R x heads x tokens x width
at::Tensor by_head(const BertConfig& config, const at::Tensor& x) {
  return x.view({x.size(0), x.size(1), config.heads, config.head_width()}).transpose(1, 2);
}

// Softmax weights of queries over the keys within `lengths` (R), R x heads x queries x keys.
at::Tensor attend(const BertConfig& config, const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& lengths) {
  const at::Tensor scores =
      at::matmul(by_head(config, queries), by_head(config, keys).transpose(-2, -1)) / std::sqrt(double(config.head_width()));
  const at::Tensor padding = beyond(lengths, keys.size(1)).unsqueeze(1).unsqueeze(1);
  return at::softmax(scores.masked_fill(padding, -std::numeric_limits<float>::infinity()), -1);
}

}  // namespace

at::Tensor embed(const BertConfig& config, const BertWeights& weights, const at::Tensor& words, const at::Tensor& segments,
                 Dropout dropout) {
  const at::Tensor position = weights.position.narrow(0, 0, words.size(1));
  const at::Tensor segment = weights.segment.index_select(0, segments.reshape({-1})).view(words.sizes());
  const at::Tensor sum = words + segment + position;
  return drop(norm(config, sum, weights.embedding_norm, weights.embedding_norm_bias), config.hidden_dropout, dropout);
}

at::Tensor layer(const BertConfig& config, const BertLayerWeights& w, const at::Tensor& states, const at::Tensor& lengths,
                 Need need, Dropout dropout) {
  const std::int64_t h = config.hidden;
  const at::Tensor below = need == Need::read_out ? states.narrow(1, 0, 1) : states;  // of the tokens computed
  const auto part = [&](const at::Tensor& x, std::int64_t first, std::int64_t count) {
    return linear(x, w.qkv.narrow(0, first * h, count * h), w.qkv_bias.narrow(0, first * h, count * h)).chunk(count, 2);
  };
  std::vector<at::Tensor> qkv;
  if (need == Need::read_out) {
    qkv = part(below, 0, 1);
    for (const at::Tensor& tensor : part(states, 1, 2)) qkv.push_back(tensor);
  } else {
    qkv = part(states, 0, 3);
  }
  const at::Tensor attention = drop(attend(config, qkv[0], qkv[1], lengths), config.attention_dropout, dropout);
  const at::Tensor mixed = at::matmul(attention, by_head(config, qkv[2])).transpose(1, 2).reshape(below.sizes());
  const at::Tensor attended =
      norm(config, below + drop(linear(mixed, w.attention_out, w.attention_out_bias), config.hidden_dropout, dropout),
           w.attention_norm, w.attention_norm_bias);
  const at::Tensor inner = at::gelu(linear(attended, w.up, w.up_bias));
  return norm(config, attended + drop(linear(inner, w.down, w.down_bias), config.hidden_dropout, dropout), w.output_norm,
              w.output_norm_bias);
}

at::Tensor attention_paid(const BertConfig& config, const BertLayerWeights& w, const at::Tensor& states,
                          const at::Tensor& lengths) {
  const std::int64_t h = config.hidden;
  const std::vector<at::Tensor> qk = linear(states, w.qkv.narrow(0, 0, 2 * h), w.qkv_bias.narrow(0, 0, 2 * h)).chunk(2, 2);
  const at::Tensor by_query = attend(config, qk[0], qk[1], lengths).mean(1);  // R x queries x keys
  const at::Tensor attends = beyond(lengths, states.size(1)).logical_not().to(at::kFloat);
  return (by_query * attends.unsqueeze(-1)).sum(1) / lengths.to(at::kFloat).unsqueeze(-1);
}

at::Tensor read_out(const BertConfig& config, const BertWeights& w, const at::Tensor& states, const at::Tensor& lengths,
                    Dropout dropout) {
  if (config.output == OutputKind::span) {
    const at::Tensor none = beyond(lengths, states.size(1)).unsqueeze(1);
    return at::linear(states, w.classifier, w.classifier_bias).transpose(1, 2).masked_fill(none, beyond_text);
  }
  const at::Tensor pooled = at::tanh(at::linear(states.select(1, 0), w.pooler, w.pooler_bias));
  return at::linear(drop(pooled, config.classifier_dropout, dropout), w.classifier, w.classifier_bias);
}

}  // namespace layersweep::model::plain
