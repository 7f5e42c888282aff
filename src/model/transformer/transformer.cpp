#include "model/transformer/transformer.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/embedding.h>
#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "model/attention.hpp"
#include "model/transformer/fast_layer.hpp"
#include "model/transformer/plain.hpp"

namespace layersweep::model {
namespace {

// Names and costs. The last layer's cost is that of Need::read_out, which is how it is used.
std::vector<Point> points_of(const TransformerSpec& s) {
  const auto h = static_cast<double>(s.hidden), q = static_cast<double>(s.query_width());
  const double keys = 2 * h * static_cast<double>(s.key_width());
  const double inner = (s.gated ? 3 : 2) * h * static_cast<double>(s.inner);
  const bool narrow = s.read_out() != ReadOut::every && s.read_out() != ReadOut::mean;
  std::vector<Point> points;
  const auto word = static_cast<double>(s.width_of_word());
  if (s.embeds()) points.push_back({"embeddings", s.width_of_word(), 4 * word + (s.embedding_map ? word * h : 0)});
  for (std::int64_t layer = 1; layer <= s.layers; ++layer) {
    const std::string name = points.empty() ? "embeddings" : fmt::format("layer {} input", layer);
    points.push_back({name, s.hidden, narrow && layer == s.layers ? keys : 2 * h * q + keys + inner});
  }
  points.push_back({fmt::format("layer {} output", s.layers), s.hidden, 0});
  return points;
}

class Transformer final : public Model, public AttendingModel {
 public:
  Transformer(const TransformerSpec& spec, TransformerWeights weights, std::int64_t mask_id, Arithmetic arithmetic)
      : spec_(spec),
        weights_(std::move(weights)),
        points_(points_of(spec)),
        fast_(!is_plain(arithmetic) && has_fast_layer(spec)),
        reference_(is_plain(arithmetic) && weights_.word.is_cpu()) {
    if (mask_id < 0) return;
    if (mask_id >= spec.vocabulary) {
      throw base::InputError(fmt::format("the tokenizer's mask token has id {}", mask_id),
                             fmt::format("the model has embeddings of {} tokens (vocab_size)", spec.vocabulary),
                             "Put the tokenizer's files of this very model into its folder");
    }
    mask_state_ = weights_.word.select(0, mask_id).clone();
  }

  const std::vector<Point>& points() const override { return points_; }
  const Head& head() const override { return spec_.head; }
  at::Device device() const override { return weights_.word.device(); }
  at::Tensor mask_state() const override { return mask_state_; }

  Clean clean(const Batch& batch) const override {
    const at::NoGradGuard no_grad;
    check(batch);
    Clean clean;
    clean.states.push_back(at::embedding(weights_.word, batch.token_ids));
    if (spec_.embeds()) clean.states.push_back(embed(clean.states.back(), places_of(spec_, batch)));
    for (std::int64_t index = 0; index < spec_.layers; ++index) {
      clean.states.push_back(layer(index, {clean.states.back(), batch.lengths}));
    }
    const Reading reading(spec_.read_out(), batch, at::arange(batch.size(), batch.lengths.options()), spec_.padding);
    clean.logits = plain::read_out(spec_, weights_, {reading.of(clean.states.back()), batch.lengths, &reading}, nullptr);
    return clean;
  }

  Rows advance(int point, const Rows& rows, const Batch& batch, Need need) const override {
    const std::int64_t index = layer_above(point);
    base::ensure(point >= 0 && index < spec_.layers, "there is a point above");
    base::ensure(rows.states.size(1) == batch.width(), "rows below the last point have all tokens");
    if (index < 0) return {embed(rows.states, places_of(spec_, batch).of(rows.example)), rows.example};
    const at::Tensor lengths = batch.lengths.index_select(0, rows.example);
    if (need == Need::all_tokens || index + 1 < spec_.layers) return {layer(index, {rows.states, lengths}), rows.example};
    const Reading reading(spec_.read_out(), batch, rows.example, spec_.padding);
    return {layer(index, {rows.states, lengths, &reading}), rows.example};
  }

  at::Tensor read_out(const Rows& rows, const Batch& batch) const override {
    const Reading reading(spec_.read_out(), batch, rows.example, spec_.padding);
    base::ensure(rows.states.size(1) == reading.count(batch.width()), "the head is given the tokens that it reads");
    return plain::read_out(spec_, weights_, {rows.states, batch.lengths.index_select(0, rows.example), &reading}, nullptr);
  }

  Rows narrow_to_read_out(const Rows& rows, const Batch& batch) const override {
    return {Reading(spec_.read_out(), batch, rows.example, spec_.padding).of(rows.states), rows.example};
  }

  at::Tensor attention(int point, const Rows& rows, const Batch& batch) const override {
    const std::int64_t index = layer_above(point);
    if (index < 0 || index >= spec_.layers) return {};
    return plain::attention_paid(
        spec_, layer_weights(index),
        {rows.states, batch.lengths.index_select(0, rows.example), nullptr, plain::relative_rows(spec_, weights_)});
  }

 private:
  // −1: the step from word embeddings to the input of the first layer.
  std::int64_t layer_above(int point) const { return point - (spec_.embeds() ? 1 : 0); }

  const LayerWeights& layer_weights(std::int64_t layer) const {
    return weights_.layers[static_cast<std::size_t>(spec_.set_of(layer))];
  }

  at::Tensor embed(const at::Tensor& words, const TokenPlaces& places) const {
    const bool fast = fast_ && !spec_.embedding_map;
    return fast ? fast_embed(spec_, weights_, words, places) : plain::embed(spec_, weights_, words, places, nullptr);
  }

  at::Tensor layer(std::int64_t index, const plain::LayerInput& input) const {
    const LayerWeights& weights = layer_weights(index);
    const Reading* reading = input.reading;
    if (fast_ && (reading == nullptr || reading->all_tokens())) {
      return fast_layer(spec_, weights, input.states, input.lengths, Need::all_tokens);
    }
    if (fast_ && reading->first_token()) return fast_layer(spec_, weights, input.states, input.lengths, Need::read_out);
    const bool every = reference_ || reading == nullptr;
    const at::Tensor out = plain::layer(
        spec_, weights, {input.states, input.lengths, every ? nullptr : reading, plain::relative_rows(spec_, weights_)},
        nullptr);
    return every && reading != nullptr ? reading->of(out) : out;
  }

  void check(const Batch& batch) const {
    if (batch.width() > spec_.positions) {
      throw base::InputError(fmt::format("a text has {} tokens", batch.width()),
                             fmt::format("the model reads at most {}", spec_.positions), "cut the texts to that length");
    }
    check_within(batch.token_ids, spec_.vocabulary, "token", "word embeddings");
    if (spec_.segments > 0) check_within(batch.segments, spec_.segments, "segment", "segment embeddings");
  }

  // The embeddings' rows are read without a check of their own.
  static void check_within(const at::Tensor& values, std::int64_t rows, const char* what, const char* table) {
    const auto [least, most] = at::aminmax(values);
    const auto low = least.item<std::int64_t>(), high = most.item<std::int64_t>();
    if (low >= 0 && high < rows) return;
    throw base::InputError(fmt::format("a text holds {} {}", what, low < 0 ? low : high),
                           fmt::format("the model has {} {}", rows, table),
                           "tokenise the texts with this model's tokenizer");
  }

  TransformerSpec spec_;
  TransformerWeights weights_;
  std::vector<Point> points_;
  bool fast_, reference_;
  at::Tensor mask_state_;
};

// The matrices of the layers in bf16. The rest is copied too, since a view would keep all of the fp32 weights in memory.
TransformerWeights with_bf16_layers(const TransformerSpec& spec, TransformerWeights weights) {
  for (at::Tensor* tensor : dense_tensors(spec, weights)) *tensor = tensor->clone();
  for (LayerWeights& layer : weights.layers) {
    for (Affine* map : {&layer.qkv, &layer.attention_out, &layer.up, &layer.down})
      map->weight = map->weight.to(at::kBFloat16);
  }
  return weights;
}

}  // namespace

std::unique_ptr<Model> make_transformer(const TransformerSpec& spec, TransformerWeights weights, std::int64_t mask_id,
                                        Arithmetic arithmetic, at::Device device) {
  base::ensure(is_plain(arithmetic) || device.is_cpu(), "the fast kernels read the memory of the host");
  if (is_bf16(arithmetic)) weights = with_bf16_layers(spec, std::move(weights));
  if (!device.is_cpu()) {
    weights.word = weights.word.to(device);
    for (at::Tensor* tensor : dense_tensors(spec, weights)) *tensor = tensor->to(device);
  }
  return std::make_unique<Transformer>(spec, std::move(weights), mask_id, arithmetic);
}

}  // namespace layersweep::model
