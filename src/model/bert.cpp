#include "model/bert.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/embedding.h>
#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "model/attention.hpp"
#include "model/bert_layer.hpp"
#include "model/bert_plain.hpp"

namespace layersweep::model {
namespace {

// Names and costs. The last layer's cost is that of Need::read_out, which is how it is used.
std::vector<Point> bert_points(const BertConfig& c) {
  const bool narrow = c.output == OutputKind::classes;
  const auto h = static_cast<double>(c.hidden);
  std::vector<Point> points;
  points.push_back({"embeddings", c.hidden, 4 * h});
  for (std::int64_t layer = 1; layer <= c.layers; ++layer) {
    const bool last = narrow && layer == c.layers;
    points.push_back(
        {fmt::format("layer {} input", layer), c.hidden, last ? 2 * h * h : 4 * h * h + 2 * h * double(c.inner)});
  }
  points.push_back({fmt::format("layer {} output", c.layers), c.hidden, 0});
  return points;
}

class Bert : public Model, public AttendingModel {
 public:
  Bert(const BertConfig& config, BertWeights weights, std::int64_t mask_id)
      : config_(config), weights_(std::move(weights)), points_(bert_points(config)) {
    if (mask_id >= 0) {
      if (mask_id >= config.vocabulary) {
        throw base::InputError(fmt::format("the tokenizer's mask token has id {}", mask_id),
                               fmt::format("the model has embeddings of {} tokens (vocab_size)", config.vocabulary),
                               "Put the tokenizer's files of this very model into its folder");
      }
      mask_state_ = weights_.word.select(0, mask_id).clone();
    }
  }

  const std::vector<Point>& points() const override { return points_; }
  OutputKind output() const override { return config_.output; }
  std::int64_t classes() const override { return output() == OutputKind::classes ? config_.classes : 0; }
  at::Device device() const override { return weights_.word.device(); }
  at::Tensor mask_state() const override { return mask_state_; }

  Clean clean(const Batch& batch) const override {
    const at::NoGradGuard no_grad;
    check(batch);
    Clean clean;
    clean.states.push_back(at::embedding(weights_.word, batch.token_ids));
    const at::Tensor lengths = batch.lengths;
    clean.states.push_back(embed(clean.states.back(), batch.segments));
    for (std::int64_t index = 0; index < config_.layers; ++index) {
      clean.states.push_back(layer(index, clean.states.back(), lengths, Need::all_tokens));
    }
    clean.logits = plain::read_out(config_, weights_, clean.states.back(), lengths, nullptr);
    return clean;
  }

  Rows advance(int point, const Rows& rows, const Batch& batch, Need need) const override {
    base::ensure(point >= 0 && point <= config_.layers, "there is a point above");
    base::ensure(rows.states.size(1) == batch.width(), "rows below the last point have all tokens");
    if (point == 0) return {embed(rows.states, batch.segments.index_select(0, rows.example)), rows.example};
    const at::Tensor lengths = batch.lengths.index_select(0, rows.example);
    return {layer(point - 1, rows.states, lengths, narrows() && point == config_.layers ? need : Need::all_tokens),
            rows.example};
  }

  at::Tensor read_out(const Rows& rows, const Batch& batch) const override {
    return plain::read_out(config_, weights_, rows.states, batch.lengths.index_select(0, rows.example), nullptr);
  }

  Rows narrow_to_read_out(const Rows& rows, const Batch&) const override {
    return narrows() ? Rows{rows.states.narrow(1, 0, 1), rows.example} : rows;
  }

  at::Tensor attention(int point, const Rows& rows, const Batch& batch) const override {
    if (point == 0 || point > config_.layers) return {};
    return plain::attention_paid(config_, weights_.layers[static_cast<std::size_t>(point - 1)], rows.states,
                                 batch.lengths.index_select(0, rows.example));
  }

 protected:
  virtual at::Tensor embed(const at::Tensor& words, const at::Tensor& segments) const = 0;
  virtual at::Tensor layer(std::int64_t index, const at::Tensor& states, const at::Tensor& lengths, Need need) const = 0;

  const BertConfig& config() const { return config_; }
  const BertWeights& weights() const { return weights_; }

 private:
  // A classifier reads the first token alone, the head of a span all.
  bool narrows() const { return config_.output == OutputKind::classes; }

  void check(const Batch& batch) const {
    if (batch.width() > config_.positions) {
      throw base::InputError(fmt::format("a text has {} tokens", batch.width()),
                             fmt::format("the encoder reads at most {}", config_.positions), "cut the texts to that length");
    }
    check_within(batch.token_ids, config_.vocabulary, "token", "word embeddings");
    check_within(batch.segments, config_.segments, "segment", "segment embeddings");
  }

  // The embeddings' rows are read without a check of their own.
  static void check_within(const at::Tensor& values, std::int64_t rows, const char* what, const char* table) {
    const auto [least, most] = at::aminmax(values);
    const auto low = least.item<std::int64_t>(), high = most.item<std::int64_t>();
    if (low >= 0 && high < rows) return;
    throw base::InputError(fmt::format("a text holds {} {}", what, low < 0 ? low : high),
                           fmt::format("the encoder has {} {}", rows, table),
                           "tokenise the texts with this encoder's tokenizer");
  }

  BertConfig config_;
  BertWeights weights_;
  std::vector<Point> points_;
  at::Tensor mask_state_;
};

class FastBert final : public Bert {
 public:
  using Bert::Bert;

 private:
  at::Tensor embed(const at::Tensor& words, const at::Tensor& segments) const override {
    return bert_embed(config(), weights(), words, segments);
  }
  at::Tensor layer(std::int64_t index, const at::Tensor& states, const at::Tensor& lengths, Need need) const override {
    return bert_layer(config(), weights().layers[index], states, lengths, need);
  }
};

class PlainBert final : public Bert {
 public:
  using Bert::Bert;

 private:
  at::Tensor embed(const at::Tensor& words, const at::Tensor& segments) const override {
    return plain::embed(config(), weights(), words, segments, nullptr);
  }
  at::Tensor layer(std::int64_t index, const at::Tensor& states, const at::Tensor& lengths, Need need) const override {
    // As the reference, on CPUs, it computes all tokens, whatever is needed.
    const Need computed = device().is_cpu() ? Need::all_tokens : need;
    const at::Tensor out = plain::layer(config(), weights().layers[index], states, lengths, computed, nullptr);
    return need == Need::read_out ? out.narrow(1, 0, 1) : out;
  }
};

// The matrices of the layers in bf16. The rest is copied too, since a view would keep all of the fp32 weights in memory.
BertWeights with_bf16_layers(BertWeights weights) {
  for (at::Tensor* tensor : dense_tensors(weights)) *tensor = tensor->clone();
  for (BertLayerWeights& layer : weights.layers) {
    for (at::Tensor* matrix : {&layer.qkv, &layer.attention_out, &layer.up, &layer.down})
      *matrix = matrix->to(at::kBFloat16);
  }
  return weights;
}

}  // namespace

std::unique_ptr<Model> make_bert(const BertConfig& config, BertWeights weights, std::int64_t mask_id, Arithmetic arithmetic,
                                 at::Device device) {
  const bool is_plain = arithmetic == Arithmetic::plain || arithmetic == Arithmetic::plain_bf16;
  base::ensure(is_plain || device.is_cpu(), "the fast kernels read the memory of the host");
  if (arithmetic == Arithmetic::fast_bf16 || arithmetic == Arithmetic::plain_bf16) {
    weights = with_bf16_layers(std::move(weights));
  }
  if (!device.is_cpu()) {
    weights.word = weights.word.to(device);
    for (at::Tensor* tensor : dense_tensors(weights)) *tensor = tensor->to(device);
  }
  if (is_plain) return std::make_unique<PlainBert>(config, std::move(weights), mask_id);
  return std::make_unique<FastBert>(config, std::move(weights), mask_id);
}

}  // namespace layersweep::model
