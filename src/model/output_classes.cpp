// One of several classes.
#include <ATen/TensorOperators.h>
#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>

#include "data/batches.hpp"
#include "model/model.hpp"
#include "model/output.hpp"

namespace layersweep::model {
namespace {

constexpr std::int64_t texts_per_batch = 32;

class ClassColumns final : public OutputColumns {
 public:
  ClassColumns(std::int64_t examples, std::int64_t classes)
      : logits_(at::full({examples, classes}, std::nan(""), at::kFloat)), label_(static_cast<std::size_t>(examples), -1) {}

  void take(const Batch&, const at::Tensor& logits, std::span<const OutputPlace> places) override {
    for (std::size_t b = 0; b < places.size(); ++b) {
      const OutputPlace& place = places[b];
      logits_[place.row].copy_(logits[static_cast<std::int64_t>(b)]);
      label_[static_cast<std::size_t>(place.row)] = place.corpus->label()[static_cast<std::size_t>(place.example)];
    }
  }

  std::vector<OutputColumn> columns() const override {
    const at::Tensor predicted = logits_.argmax(-1);
    std::vector<std::int32_t> prediction;
    std::vector<float> score;
    for (std::size_t row = 0; row < label_.size(); ++row) {
      prediction.push_back(static_cast<std::int32_t>(predicted[static_cast<std::int64_t>(row)].item<std::int64_t>()));
      score.push_back(label_[row] < 0 ? std::nanf("") : label_[row] == prediction.back() ? 1.0F : 0.0F);
    }
    const float* cells = logits_.const_data_ptr<float>();
    return {{"label", label_},
            {"prediction", std::move(prediction)},
            {"score", std::move(score)},
            {"logits", std::vector<float>(cells, cells + logits_.numel())}};
  }

 private:
  at::Tensor logits_;  // examples x classes
  std::vector<std::int32_t> label_;
};

class Classes final : public Output {
 public:
  std::string_view model_does() const override { return "is a classifier"; }

  at::Tensor decided(const at::Tensor& logits, const Batch&) const override { return at::argmax(logits, -1); }
  at::Tensor given(const Batch& batch) const override { return batch.labels; }
  at::Tensor summed_loss(const at::Tensor& logits, const Batch& batch) const override {
    return at::cross_entropy_loss(logits, batch.labels, {}, at::Reduction::Sum);
  }

  std::unique_ptr<OutputColumns> columns(const Head& head, std::int64_t examples, std::int64_t) const override {
    return std::make_unique<ClassColumns>(examples, head.classes);
  }

  // Inside, texts of nearly equal length share a batch, so that little is padding.
  std::vector<Answer> answers(const Model& model, std::span<const std::vector<data::Example>> texts) const override {
    std::vector<data::Example> examples;
    for (const auto& windows : texts) examples.push_back(windows.front());
    const auto corpus = data::Corpus::pack(examples);
    std::vector<Answer> answers(texts.size());
    for (const data::GlobalBatch& batch : data::ordered_batches(corpus.lengths(), {.batch = texts_per_batch, .shards = 1})) {
      const data::Shard& members = batch.shards.front();
      const at::Tensor logits = model.clean(collate(corpus, members)).logits.contiguous();  // B x classes
      for (std::size_t b = 0; b < members.size(); ++b) {
        const float* row = logits.const_data_ptr<float>() + static_cast<std::int64_t>(b) * logits.size(1);
        std::vector<float> values(row, row + logits.size(1));
        Answer& answer = answers[static_cast<std::size_t>(members[b])];
        answer.value = std::ranges::max_element(values) - values.begin();  // the first of equals
        answer.logits.emplace_back("logits", std::move(values));
      }
    }
    return answers;
  }
};

}  // namespace

const Output& classes_output() {
  static const Classes classes;
  return classes;
}

}  // namespace layersweep::model
