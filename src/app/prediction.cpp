#include "app/prediction.hpp"

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "data/batches.hpp"
#include "data/corpus.hpp"
#include "model/batch.hpp"

namespace layersweep::app {

namespace {

constexpr std::int64_t texts_per_batch = 32;

}  // namespace

std::vector<Prediction> predict_texts(const model::Model& encoder, std::span<const data::Example> texts) {
  const auto corpus = data::Corpus::pack({texts.begin(), texts.end()});

  std::vector<Prediction> predictions(texts.size());
  for (const data::GlobalBatch& batch : data::ordered_batches(corpus.lengths(), {.batch = texts_per_batch, .shards = 1})) {
    const data::Shard& members = batch.shards.front();
    const at::Tensor logits = encoder.clean(model::collate(corpus, members)).logits.contiguous();  // B x classes
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
