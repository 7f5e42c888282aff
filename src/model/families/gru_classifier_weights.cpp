#include "model/families/gru_classifier_weights.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "model/config_file.hpp"
#include "model/family.hpp"
#include "model/flat_gradient.hpp"
#include "model/json_file.hpp"
#include "model/tokenizer_files.hpp"
#include "model/weight_file.hpp"

namespace layersweep::model {
namespace {

constexpr const char* gru_model_type = "layersweep-gru";
constexpr const char* same_model = "config.json and model.safetensors must be of the same model";

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
                             fmt::format("the tensor {} does not belong to the model of config.json", name), same_model);
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

}  // namespace layersweep::model
