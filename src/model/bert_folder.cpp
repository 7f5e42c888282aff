#include "model/bert_folder.hpp"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/error.hpp"
#include "model/config_file.hpp"
#include "model/json_file.hpp"
#include "model/model_files.hpp"
#include "model/tokenizer_files.hpp"
#include "model/weight_file.hpp"

namespace layersweep::model {
namespace {

bool is_output(std::string_view name) { return name.starts_with("classifier.") || name.starts_with("qa_outputs."); }

bool is_head(std::string_view name) { return name.starts_with("bert.pooler.") || is_output(name); }

// The name in BertForSequenceClassification or BertForQuestionAnswering of a tensor as the file has it; nothing for what is
// not needed.
std::optional<std::string> full_name(std::string name) {
  if (name.ends_with("embeddings.position_ids")) return std::nullopt;  // a buffer that older versions stored
  if (name.starts_with("cls.")) return std::nullopt;                   // heads of pre-training
  for (const auto& [old_end, end] :
       {std::pair{"LayerNorm.gamma", "LayerNorm.weight"}, {"LayerNorm.beta", "LayerNorm.bias"}}) {
    if (name.ends_with(old_end)) name = name.substr(0, name.size() - std::string_view(old_end).size()) + end;
  }
  if (!name.starts_with("bert.") && !is_output(name)) name = "bert." + name;
  return name;
}

std::map<std::string, std::string> names_in_file(const WeightFiles& file) {
  std::map<std::string, std::string> by_full_name;
  for (const std::string& name : file.names()) {
    const auto full = full_name(name);
    if (!full) continue;
    if (const auto [old, fresh] = by_full_name.emplace(*full, name); !fresh) {
      throw base::InputError(fmt::format("{} is ambiguous", file.path().string()),
                             fmt::format("{} and {} are the same weight", old->second, name));
    }
  }
  return by_full_name;
}

// `spare` are tensors of heads that the model does without.
template <class Spare>
void check_known(const WeightFiles& file, const std::map<std::string, std::string>& present,
                 const std::vector<NamedWeight>& wanted, Spare spare) {
  std::set<std::string> names;
  for (const NamedWeight& weight : wanted) names.insert(weight.name);
  for (const auto& [full, name] : present) {
    if (!names.contains(full) && !spare(full)) {
      throw base::InputError(fmt::format("cannot use {}", file.path().string()),
                             fmt::format("the tensor {} does not belong to the model of config.json", name),
                             "config.json and model.safetensors must be of the same model");
    }
  }
}

[[noreturn]] void refuse_missing(const WeightFiles& file, const std::string& name) {
  if (is_head(name)) {
    throw base::InputError(fmt::format("{} has no {} head", file.path().string(),
                                       name.starts_with("qa_outputs.") ? "question answering" : "classification"),
                           fmt::format("the tensor {} is missing, so the model has no output", name),
                           "Fine-tune it first (finetune.epochs), or name a fine-tuned folder");
  }
  throw base::InputError(fmt::format("cannot use {}", file.path().string()), fmt::format("the tensor {} is missing", name),
                         "config.json and model.safetensors must be of the same model");
}

}  // namespace

void refuse_head_not_computed(const std::filesystem::path& folder, const BertConfig& config) {
  if (config.head_refusal.empty()) return;
  throw base::InputError(fmt::format("{}: the head of this model is not computed here", (folder / "config.json").string()),
                         config.head_refusal,
                         "Name a classifier of one of several classes, or fine-tune one from it (finetune.epochs)");
}

BertModel read_bert_model(const std::filesystem::path& folder) {
  BertModel model{read_bert_config(folder / "config.json"), {}};
  refuse_head_not_computed(folder, model.config);
  const auto file = WeightFiles::open(folder);
  model.weights = allocate_bert_weights(model.config);
  const auto present = names_in_file(file);
  const auto wanted = named_weights(model.weights);
  const bool span = model.config.output == OutputKind::span;
  check_known(file, present, wanted, [&](std::string_view name) { return span && name.starts_with("bert.pooler."); });
  for (const NamedWeight& weight : wanted) {
    const auto found = present.find(weight.name);
    if (found == present.end()) refuse_missing(file, weight.name);
    read_weight(file, found->second, weight);
  }
  return model;
}

BertModel read_bert_body(const std::filesystem::path& folder, const Head& head, std::uint64_t seed) {
  const bool span = head.output == OutputKind::span;
  base::ensure(span || head.classes >= 2, "a classifier has at least two classes");
  BertModel model{read_bert_config(folder / "config.json"), {}};
  const auto file = WeightFiles::open(folder);
  const auto present = names_in_file(file);
  const std::int64_t rows = span ? 2 : head.classes;
  const auto output = present.find(span ? "qa_outputs.weight" : "classifier.weight");
  // Rows of other classes are no better than fresh ones, and would be taken for those of the names that they get.
  const bool same_output = output != present.end() && file.info(output->second).shape.at(0) == rows &&
                           model.config.output == head.output && model.config.head_refusal.empty() &&
                           (head.class_names.empty() || head.class_names == model.config.class_names);
  model.config.output = head.output;
  model.config.head_refusal.clear();
  model.config.may_answer_none = head.may_answer_none;
  model.config.class_names = !head.class_names.empty() || !same_output ? head.class_names : model.config.class_names;
  model.config.classes = rows;
  model.weights = allocate_bert_weights(model.config);
  const auto wanted = named_weights(model.weights);
  check_known(file, present, wanted, is_head);
  for (const NamedWeight& weight : wanted) {
    const auto found = present.find(weight.name);
    if (found != present.end() && (!is_output(weight.name) || same_output)) {
      read_weight(file, found->second, weight);
    } else if (is_head(weight.name)) {
      initialise(weight, model.config.initial_range, seed);
    } else {
      refuse_missing(file, weight.name);
    }
  }
  return model;
}

at::Tensor read_word_embeddings(const std::filesystem::path& folder) {
  const BertConfig config = read_bert_config(folder / "config.json");
  const auto file = WeightFiles::open(folder);
  const NamedWeight words{"bert.embeddings.word_embeddings.weight", at::empty({config.vocabulary, config.hidden})};
  const auto present = names_in_file(file);
  const auto found = present.find(words.name);
  if (found == present.end()) refuse_missing(file, words.name);
  read_weight(file, found->second, words);
  return words.value;
}

void write_bert(const std::filesystem::path& folder, const BertConfig& config, const BertWeights& weights,
                const std::filesystem::path& source) {
  std::filesystem::create_directories(folder);
  // What the source's config says beyond what we know (pad_token_id, …) stays.
  nlohmann::json json = read_json_object(source / "config.json");
  const bool span = config.output == OutputKind::span;
  put_classes(json, span ? 0 : config.classes, config.class_names);
  json.erase("problem_type");
  json.erase(may_answer_none_key);
  if (config.may_answer_none) json[may_answer_none_key] = true;
  json["architectures"] = nlohmann::json::array({span ? "BertForQuestionAnswering" : "BertForSequenceClassification"});
  if (!span) json["problem_type"] = "single_label_classification";
  for (const char* type : {"torch_dtype", "dtype"}) {
    if (json.contains(type)) json[type] = "float32";
  }
  write_json(folder / "config.json", json);
  copy_tokenizer(source, folder);
  write_weights(folder / "model.safetensors", named_weights(weights));  // last: a folder that has it is whole
}

}  // namespace layersweep::model
