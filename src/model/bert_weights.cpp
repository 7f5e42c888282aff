#include "model/bert_weights.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <string_view>

#include "base/hash.hpp"
#include "model/flat_gradient.hpp"

namespace layersweep::model {
namespace {

bool ends_with(const std::string& text, std::string_view end) { return std::string_view(text).ends_with(end); }

std::vector<std::vector<std::int64_t>> dense_shapes(const BertConfig& c) {
  const std::int64_t h = c.hidden;
  std::vector<std::vector<std::int64_t>> shapes = {{c.positions, h}, {c.segments, h}, {h}, {h}};
  for (std::int64_t layer = 0; layer < c.layers; ++layer) {
    shapes.insert(shapes.end(),
                  {{3 * h, h}, {3 * h}, {h, h}, {h}, {h}, {h}, {c.inner, h}, {c.inner}, {h, c.inner}, {h}, {h}, {h}});
  }
  if (c.output == OutputKind::classes) shapes.insert(shapes.end(), {{h, h}, {h}});
  shapes.insert(shapes.end(), {{c.classes, h}, {c.classes}});
  return shapes;
}

}  // namespace

std::vector<at::Tensor*> dense_tensors(BertWeights& w) {
  std::vector<at::Tensor*> all = {&w.position, &w.segment, &w.embedding_norm, &w.embedding_norm_bias};
  for (BertLayerWeights& l : w.layers) {
    all.insert(all.end(),
               {&l.qkv, &l.qkv_bias, &l.attention_out, &l.attention_out_bias, &l.attention_norm, &l.attention_norm_bias,
                &l.up, &l.up_bias, &l.down, &l.down_bias, &l.output_norm, &l.output_norm_bias});
  }
  if (w.output == OutputKind::classes) all.insert(all.end(), {&w.pooler, &w.pooler_bias});
  all.insert(all.end(), {&w.classifier, &w.classifier_bias});
  return all;
}

BertWeights allocate_bert_weights(const BertConfig& config) {
  BertWeights weights;
  weights.output = config.output;
  weights.layers.resize(config.layers);
  allocate_flat(dense_tensors(weights), dense_shapes(config));
  weights.word = at::empty({config.vocabulary, config.hidden});
  return weights;
}

std::vector<NamedWeight> named_weights(const BertWeights& w) {
  std::vector<NamedWeight> all;
  const auto linear = [&](const std::string& name, const at::Tensor& weight, const at::Tensor& bias) {
    all.push_back({name + ".weight", weight});
    all.push_back({name + ".bias", bias});
  };
  all.push_back({"bert.embeddings.word_embeddings.weight", w.word});
  all.push_back({"bert.embeddings.position_embeddings.weight", w.position});
  all.push_back({"bert.embeddings.token_type_embeddings.weight", w.segment});
  linear("bert.embeddings.LayerNorm", w.embedding_norm, w.embedding_norm_bias);
  for (std::size_t index = 0; index < w.layers.size(); ++index) {
    const BertLayerWeights& l = w.layers[index];
    const std::string layer = fmt::format("bert.encoder.layer.{}.", index);
    const std::int64_t h = l.qkv.size(1);
    std::int64_t part = 0;
    for (const char* name : {"query", "key", "value"}) {
      linear(layer + "attention.self." + name, l.qkv.narrow(0, part * h, h), l.qkv_bias.narrow(0, part * h, h));
      ++part;
    }
    linear(layer + "attention.output.dense", l.attention_out, l.attention_out_bias);
    linear(layer + "attention.output.LayerNorm", l.attention_norm, l.attention_norm_bias);
    linear(layer + "intermediate.dense", l.up, l.up_bias);
    linear(layer + "output.dense", l.down, l.down_bias);
    linear(layer + "output.LayerNorm", l.output_norm, l.output_norm_bias);
  }
  if (w.output == OutputKind::classes) linear("bert.pooler.dense", w.pooler, w.pooler_bias);
  linear(w.output == OutputKind::classes ? "classifier" : "qa_outputs", w.classifier, w.classifier_bias);
  return all;
}

void initialise(const NamedWeight& weight, double range, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  at::Tensor value = weight.value;
  if (ends_with(weight.name, ".bias")) {
    value.zero_();
  } else if (ends_with(weight.name, "LayerNorm.weight")) {
    value.fill_(1);
  } else {
    // A stream of its own per tensor: a fresh head is the same whatever else was initialised.
    const std::string hash = base::sha256_of_text(fmt::format("{} {}", seed, weight.name));
    auto generator = at::make_generator<at::CPUGeneratorImpl>(std::stoull(hash.substr(0, 15), nullptr, 16));
    value.normal_(0, range, generator);
  }
}

BertWeights random_bert_weights(const BertConfig& config, std::uint64_t seed) {
  BertWeights weights = allocate_bert_weights(config);
  for (const NamedWeight& weight : named_weights(weights)) initialise(weight, config.initial_range, seed);
  return weights;
}

}  // namespace layersweep::model
