#include "app/prediction.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "data/batches.hpp"
#include "data/corpus.hpp"
#include "encoder/batch.hpp"

namespace layersweep::app {

namespace {

constexpr std::int64_t texts_per_batch = 32;

// As much of an example as an encoder reads.
data::Example example_of(const data::TokenizedText& text) {
  data::Example example;
  example.token_id = text.id;
  example.segment = text.segment;
  example.part.assign(text.id.size(), static_cast<std::uint8_t>(data::TokenPart::text));
  example.word_index = text.word_index;
  example.char_start = text.char_start;
  example.char_end = text.char_end;
  return example;
}

}  // namespace

std::vector<Prediction> predict_texts(const encoder::Encoder& encoder, std::span<const data::TokenizedText> texts) {
  std::vector<data::Example> examples;
  std::vector<std::int64_t> lengths;
  for (const data::TokenizedText& text : texts) {
    examples.push_back(example_of(text));
    lengths.push_back(text.size());
  }
  const auto corpus = data::Corpus::pack(examples);

  std::vector<Prediction> predictions(texts.size());
  for (const data::GlobalBatch& batch : data::ordered_batches(lengths, {.batch = texts_per_batch, .shards = 1})) {
    const data::Shard& members = batch.shards.front();
    const at::Tensor logits = encoder.clean(encoder::collate(corpus, members)).logits.contiguous();  // B x classes
    const float* row = logits.data_ptr<float>();
    for (const std::int64_t member : members) {
      Prediction& prediction = predictions[static_cast<std::size_t>(member)];
      prediction.logits.assign(row, row + encoder.classes());
      prediction.label = std::ranges::max_element(prediction.logits) - prediction.logits.begin();
      row += encoder.classes();
    }
  }
  return predictions;
}

}  // namespace layersweep::app
