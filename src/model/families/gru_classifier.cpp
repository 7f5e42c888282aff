#include "model/families/gru_classifier.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>
#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "model/families/families.hpp"
#include "model/open_options.hpp"
#include "model/tokenizer_files.hpp"

namespace layersweep::model {
namespace {

class GruClassifier final : public Model {
 public:
  GruClassifier(GruClassifierModel model, std::int64_t mask_id) : model_(std::move(model)) {
    const GruClassifierConfig& c = model_.config;
    points_ = {{"embeddings", c.embedding, 3.0 * static_cast<double>(c.state * (c.embedding + c.state))},
               {"GRU states", c.state, 0}};
    if (mask_id >= 0) {
      if (mask_id >= c.vocabulary) {
        throw base::InputError(fmt::format("[MASK] is token {} of the tokenizer", mask_id),
                               fmt::format("the model has {} word embeddings", c.vocabulary),
                               "tokenizer and model.safetensors must be of the same model");
      }
      mask_state_ = model_.weights.word.select(0, mask_id).clone();
    }
  }

  const std::vector<Point>& points() const override { return points_; }
  const Head& head() const override { return model_.config.head; }
  at::Tensor mask_state() const override { return mask_state_; }

  Clean clean(const Batch& batch) const override {
    const at::NoGradGuard no_grad;
    Clean clean;
    clean.states.push_back(embedded_words(model_.weights.word, batch));
    clean.states.push_back(gru_states(model_.weights.gru, clean.states[0], batch.lengths));
    clean.logits = decide(last_of(clean.states[1], batch.lengths));
    return clean;
  }

  Rows advance(int point, const Rows& rows, const Batch& batch, Need need) const override {
    base::ensure(point == 0, "there is a point above");
    const at::Tensor lengths = batch.lengths.index_select(0, rows.example);
    if (need == Need::read_out) {
      return {gru_last_state(model_.weights.gru, rows.states, lengths).unsqueeze(1), rows.example};
    }
    return {gru_states(model_.weights.gru, rows.states, lengths), rows.example};
  }

  at::Tensor read_out(const Rows& rows, const Batch&) const override { return decide(rows.states); }

  Rows narrow_to_read_out(const Rows& rows, const Batch& batch) const override {
    return {last_of(rows.states, batch.lengths.index_select(0, rows.example)), rows.example};
  }

 private:
  // R x T x W to the states of each row's last token, R x 1 x W.
  static at::Tensor last_of(const at::Tensor& states, const at::Tensor& lengths) {
    return states.gather(1, (lengths - 1).view({-1, 1, 1}).expand({states.size(0), 1, states.size(2)}));
  }

  at::Tensor decide(const at::Tensor& last) const {
    return at::linear(last.select(1, 0), model_.weights.head, model_.weights.head_bias);
  }

  GruClassifierModel model_;
  std::vector<Point> points_;
  at::Tensor mask_state_;
};

class GruFamily final : public Family {
 public:
  std::string_view name() const override { return "gru"; }
  std::string_view model_type() const override { return "layersweep-gru"; }

  ModelDescription describe(const std::filesystem::path& folder, OwnHead) const override {
    const GruClassifierConfig config = read_gru_classifier_config(folder);
    return {.folder = folder, .head = config.head, .vocabulary = config.vocabulary, .word_width = config.embedding};
  }
  plan::Model costs(const std::filesystem::path& folder, const std::optional<Head>&) const override {
    const GruClassifierConfig config = read_gru_classifier_config(folder);
    return plan::recurrent_model(name(), config.vocabulary, config.embedding, config.state, config.head.classes);
  }
  std::unique_ptr<Model> open(const std::filesystem::path& folder, const OpenOptions& options) const override {
    refuse_beyond_fp32_on_cpu(folder, "a GRU", options);
    GruClassifierModel model = read_gru_classifier(folder);
    shuffle_head(model.weights.head, options);
    return make_gru_classifier(std::move(model), mask_token(folder));
  }
  std::unique_ptr<Model> random(const std::filesystem::path& folder, const std::optional<Head>&, Arithmetic) const override {
    const GruClassifierConfig config = read_gru_classifier_config(folder);
    return make_gru_classifier({config, random_gru_classifier_weights(config, 1)}, 0);
  }
  std::unique_ptr<Trainable> trainable(const std::filesystem::path& folder, const Head& head,
                                       std::uint64_t seed) const override {
    return make_trainable_gru(folder, head, seed);
  }
  at::Tensor word_embeddings(const std::filesystem::path& folder) const override {
    return read_gru_classifier(folder).weights.word;
  }
};

}  // namespace

at::Tensor embedded_words(const at::Tensor& words, const Batch& batch) {
  const auto largest = batch.token_ids.max().item<std::int64_t>();
  if (largest >= words.size(0)) {
    throw base::InputError(fmt::format("a text holds token {}", largest),
                           fmt::format("the model has {} word embeddings", words.size(0)),
                           "tokenise the texts with this model's tokenizer");
  }
  return at::embedding(words, batch.token_ids);
}

std::unique_ptr<Model> make_gru_classifier(GruClassifierModel model, std::int64_t mask_id) {
  return std::make_unique<GruClassifier>(std::move(model), mask_id);
}

const Family& gru_family() {
  static const GruFamily family;
  return family;
}

}  // namespace layersweep::model
