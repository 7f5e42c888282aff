#include "model/families/gru_classifier.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "model/config_file.hpp"
#include "model/families/families.hpp"
#include "model/family.hpp"
#include "model/flat_gradient.hpp"
#include "model/json_file.hpp"
#include "model/open_options.hpp"
#include "model/output.hpp"
#include "model/tokenizer_files.hpp"
#include "model/weight_file.hpp"

namespace layersweep::model {
namespace {

constexpr const char* gru_model_type = "layersweep-gru";
constexpr const char* same_files = "config.json and model.safetensors must be of the same model";

bool holds_gru(const std::filesystem::path& folder) { return family_in(folder).model_type() == gru_model_type; }

// In the order of dense_tensors.
std::vector<std::vector<std::int64_t>> dense_shapes(const GruClassifierConfig& c) {
  const std::int64_t gates = 3 * c.state;
  return {{gates, c.embedding}, {gates}, {gates, c.state}, {gates}, {c.head.classes, c.state}, {c.head.classes}};
}

void check_names(const WeightFiles& file, const std::vector<NamedWeight>& wanted) {
  for (const std::string& name : file.names()) {
    if (std::ranges::find(wanted, name, &NamedWeight::name) == wanted.end()) {
      throw base::InputError(fmt::format("cannot use {}", file.path().string()),
                             fmt::format("the tensor {} does not belong to the model of config.json", name), same_files);
    }
  }
}

void read_or_refuse(const WeightFiles& file, const NamedWeight& weight) {
  if (!file.contains(weight.name)) {
    throw base::InputError(fmt::format("cannot use {}", file.path().string()),
                           fmt::format("the tensor {} is missing", weight.name),
                           "set finetune.epochs above 0 to train what is missing beside emb.weight");
  }
  read_weight(file, weight.name, weight);
}

void initialise_dense(GruClassifierWeights& weights, const GruClassifierConfig& config, std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  allocate_flat(dense_tensors(weights), dense_shapes(config));
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  const double bound = 1 / std::sqrt(static_cast<double>(config.state));
  for (at::Tensor* tensor : dense_tensors(weights)) tensor->uniform_(-bound, bound, generator);
}

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

  at::Tensor read_out(const Rows& rows, const Batch&) const override {
    base::ensure(rows.states.size(1) == 1, "the head is given the last token");
    return decide(rows.states);
  }

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

class TrainableGruClassifier final : public Trainable {
 public:
  TrainableGruClassifier(std::filesystem::path source, GruClassifierModel model)
      : source_(std::move(source)),
        model_(model),
        leaves_(model.weights),
        frozen_(make_gru_classifier(std::move(model), mask_token(source_))) {
    inputs_ = make_leaves(dense_tensors(leaves_));
  }

  at::Tensor dense() const override { return flat_view(model_.weights.gru.input); }
  at::Tensor table() const override { return {}; }
  const Model& frozen() const override { return *frozen_; }

  double gradient(const Batch& batch, const DropoutKey&, double scale, const at::Tensor&,
                  const GradientParts& into) const override {
    const at::AutoGradMode with_gradient(true);
    const at::Tensor state = gru_last_state(leaves_.gru, embedded_words(leaves_.word, batch), batch.lengths);
    const at::Tensor logits = at::linear(state, leaves_.head, leaves_.head_bias);
    const at::Tensor loss = classes_output().summed_loss(logits, batch) * scale;
    write_flat(torch::autograd::grad({loss}, inputs_), into.dense);
    return loss.item<double>();
  }

  void save(const std::filesystem::path& folder) const override { write_gru_classifier(folder, model_, source_); }

 private:
  std::filesystem::path source_;
  GruClassifierModel model_;
  GruClassifierWeights leaves_;     // the same storage, under differentiation
  std::vector<at::Tensor> inputs_;  // all leaves, in order
  std::unique_ptr<Model> frozen_;
};

}  // namespace

std::vector<at::Tensor*> dense_tensors(GruClassifierWeights& w) {
  return {&w.gru.input, &w.gru.input_bias, &w.gru.state, &w.gru.state_bias, &w.head, &w.head_bias};
}

std::vector<NamedWeight> named_weights(const GruClassifierWeights& w) {
  return {{"emb.weight", w.word},
          {"gru.weight_ih_l0", w.gru.input},
          {"gru.bias_ih_l0", w.gru.input_bias},
          {"gru.weight_hh_l0", w.gru.state},
          {"gru.bias_hh_l0", w.gru.state_bias},
          {"classifier.weight", w.head},
          {"classifier.bias", w.head_bias}};
}

GruClassifierWeights random_gru_classifier_weights(const GruClassifierConfig& config, std::uint64_t seed) {
  GruClassifierWeights weights;
  initialise_dense(weights, config, seed);
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  weights.word = at::empty({config.vocabulary, config.embedding}).normal_(0, 1, generator);
  return weights;
}

GruClassifierConfig read_gru_classifier_config(const std::filesystem::path& folder) {
  if (!holds_gru(folder)) {
    const ModelDescription words = family_in(folder).describe(folder, OwnHead::replaceable);
    return {.vocabulary = words.vocabulary, .embedding = words.word_width, .state = words.word_width};
  }
  const ConfigFile file(folder / "config.json", "the keys are vocab_size, embedding_size, hidden_size and num_labels");
  return {.vocabulary = file.size("vocab_size"),
          .embedding = file.size("embedding_size"),
          .state = file.size("hidden_size"),
          .head = {.classes = file.class_count(), .class_names = file.class_names()}};
}

GruClassifierModel read_gru_classifier(const std::filesystem::path& folder) {
  GruClassifierModel model{read_gru_classifier_config(folder), {}};
  allocate_flat(dense_tensors(model.weights), dense_shapes(model.config));
  model.weights.word = at::empty({model.config.vocabulary, model.config.embedding});
  const auto file = WeightFiles::open(folder);
  const auto wanted = named_weights(model.weights);
  for (const NamedWeight& weight : wanted) read_or_refuse(file, weight);
  check_names(file, wanted);
  return model;
}

GruClassifierModel read_gru_classifier_body(const std::filesystem::path& folder, const Head& head, std::uint64_t seed) {
  if (head.output == terms::OutputKind::span) {
    throw base::InputError(fmt::format("a GRU on {} tells classes, not answers in a text", folder.string()), {},
                           "Leave finetune.model out");
  }
  base::ensure(head.classes >= 2, "a classifier has at least two classes");
  GruClassifierModel model{read_gru_classifier_config(folder), {}};
  const std::vector<std::string> own_names = std::exchange(model.config.head, head).class_names;
  initialise_dense(model.weights, model.config, seed);
  if (!holds_gru(folder)) {
    model.weights.word = family_in(folder).word_embeddings(folder);
    return model;
  }
  model.weights.word = at::empty({model.config.vocabulary, model.config.embedding});
  const auto file = WeightFiles::open(folder);
  const auto wanted = named_weights(model.weights);
  check_names(file, wanted);
  const auto has = [&](std::string_view part) {
    return std::ranges::any_of(file.names(), [&](const std::string& name) { return name.starts_with(part); });
  };
  const bool same_head = has("classifier.weight") && file.info("classifier.weight").shape.at(0) == head.classes &&
                         (head.class_names.empty() || head.class_names == own_names);
  for (const NamedWeight& weight : wanted) {
    const bool of_head = weight.name.starts_with("classifier."), of_gru = weight.name.starts_with("gru.");
    if (of_head ? same_head : !of_gru || has("gru.")) read_or_refuse(file, weight);
  }
  if (same_head && head.class_names.empty()) model.config.head.class_names = own_names;
  return model;
}

void write_gru_classifier(const std::filesystem::path& folder, const GruClassifierModel& model,
                          const std::filesystem::path& source) {
  std::filesystem::create_directories(folder);
  nlohmann::json json = {{"model_type", gru_model_type},
                         {"vocab_size", model.config.vocabulary},
                         {"embedding_size", model.config.embedding},
                         {"hidden_size", model.config.state}};
  put_classes(json, model.config.head.classes, model.config.head.class_names);
  write_json(folder / "config.json", json);
  copy_tokenizer(source, folder);
  write_weights(folder / "model.safetensors", named_weights(model.weights));  // last: a folder that has it is whole
}

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

std::unique_ptr<Trainable> make_trainable_gru(const std::filesystem::path& folder, const Head& head, std::uint64_t seed) {
  return std::make_unique<TrainableGruClassifier>(folder, read_gru_classifier_body(folder, head, seed));
}

}  // namespace layersweep::model
