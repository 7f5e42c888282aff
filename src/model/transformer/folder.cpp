#include "model/transformer/folder.hpp"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/error.hpp"
#include "model/json_file.hpp"
#include "model/model_files.hpp"
#include "model/tokenizer_files.hpp"
#include "model/weight_file.hpp"

namespace layersweep::model {
namespace {

constexpr const char* same_model = "config.json and model.safetensors must be of the same model";

// Read for every family, or without effect on what a frozen model computes: how the same is computed, which ids texts are
// made of (the tokenizer's matter), and what is saved.
constexpr std::string_view common_keys[] = {"model_type",
                                            "architectures",
                                            "id2label",
                                            "label2id",
                                            "num_labels",
                                            "problem_type",
                                            may_answer_none_key,
                                            "is_encoder_decoder",
                                            "quantization_config",
                                            "auto_map",
                                            "pruned_heads",
                                            "_attn_implementation",
                                            "_attn_implementation_autoset",
                                            "attn_implementation",
                                            "chunk_size_feed_forward",
                                            "use_cache",
                                            "tie_word_embeddings",
                                            "gradient_checkpointing",
                                            "output_attentions",
                                            "output_hidden_states",
                                            "return_dict",
                                            "torchscript",
                                            "torch_dtype",
                                            "dtype",
                                            "transformers_version",
                                            "_name_or_path",
                                            "name_or_path",
                                            "finetuning_task",
                                            "tokenizer_class",
                                            "pad_token_id",
                                            "bos_token_id",
                                            "eos_token_id",
                                            "sep_token_id",
                                            "cls_token_id",
                                            "prefix"};

bool architectures_name(const ConfigFile& keys, std::string_view architecture) {
  const auto names = keys.json().find("architectures");
  return !architecture.empty() && names != keys.json().end() && names->is_array() &&
         std::ranges::find(*names, architecture) != names->end();
}

// Why the classifier that the file describes is none of one of several classes; empty where it is.
std::string head_refusal_of(const TransformerFiles& files, const ConfigFile& keys, std::int64_t classes) {
  const std::string problem = keys.text_or("problem_type", "");
  if (problem == "multi_label_classification")
    return "problem_type is \"multi_label_classification\": several labels at once";
  if (problem == "regression") return "problem_type is \"regression\": a number";
  if (problem != "" && problem != "single_label_classification") return fmt::format("problem_type is \"{}\"", problem);
  if (classes == 1)
    return problem.empty() ? "num_labels is 1: a number (regression)" : "num_labels is 1: there is no other class";
  const auto named = keys.json().find("architectures");
  const bool says = named != keys.json().end() && named->is_array() && !named->empty();
  if (says && !architectures_name(keys, files.classifier)) {
    return fmt::format("architectures names {}", named->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return {};
}

// Names of weights of one folder in the terms of the family.
class Names {
 public:
  Names(const TransformerFiles& files, const WeightFiles& stored) : files_(files), stored_(stored) {
    for (const std::string& name : stored.names()) {
      const auto full = full_name(name);
      if (!full) continue;
      if (const auto [old, fresh] = present_.emplace(*full, name); !fresh) {
        throw base::InputError(fmt::format("{} is ambiguous", stored.path().string()),
                               fmt::format("{} and {} are the same weight", old->second, name));
      }
    }
  }

  // Of the last map, which says what is decided.
  bool is_output(std::string_view name) const { return is_of(name, Part::classes) || is_of(name, Part::span); }
  bool is_head(std::string_view name) const {
    return is_output(name) || is_of(name, Part::dense) || is_of(name, Part::dense_norm);
  }
  bool is_of_span(std::string_view name) const { return is_of(name, Part::span); }

  // The name in the file; null where it has none.
  const std::string* find(const std::string& name) const {
    const auto found = present_.find(name);
    return found == present_.end() ? nullptr : &found->second;
  }

  // `spare` tells the tensors of heads that the model does without.
  template <class Spare>
  void check_known(const std::vector<NamedWeight>& wanted, Spare spare) const {
    std::set<std::string_view> names;
    for (const NamedWeight& weight : wanted) names.insert(weight.name);
    for (const auto& [full, name] : present_) {
      if (names.contains(full) || spare(full)) continue;
      throw base::InputError(fmt::format("cannot use {}", stored_.path().string()),
                             fmt::format("the tensor {} does not belong to the model of config.json", name), same_model);
    }
  }

  [[noreturn]] void refuse_missing(const std::string& name) const {
    if (is_head(name)) {
      throw base::InputError(fmt::format("{} has no {} head", stored_.path().string(),
                                         is_of_span(name) ? "question answering" : "classification"),
                             fmt::format("the tensor {} is missing, so the model has no output", name),
                             "Fine-tune it first (finetune.epochs), or name a fine-tuned folder");
    }
    throw base::InputError(fmt::format("cannot use {}", stored_.path().string()),
                           fmt::format("the tensor {} is missing", name), same_model);
  }

  void read(const NamedWeight& weight) const {
    const std::string* name = find(weight.name);
    if (name == nullptr) refuse_missing(weight.name);
    read_weight(stored_, *name, weight);
  }

 private:
  bool is_of(std::string_view name, Part part) const {
    const PartName* found = find_part(files_.names, part);
    return found != nullptr && name.starts_with(found->name + ".");
  }

  // Nothing for what is not needed.
  std::optional<std::string> full_name(std::string name) const {
    // Buffers that older versions stored.
    for (const char* end : {"embeddings.position_ids", "rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias",
                            ".attention.bias", ".attention.masked_bias"}) {
      if (name.ends_with(end)) return std::nullopt;
    }
    for (const std::string_view unused : files_.unused) {
      if (name.starts_with(unused)) return std::nullopt;
    }
    for (const auto& [old_end, end] :
         {std::pair{"LayerNorm.gamma", "LayerNorm.weight"}, {"LayerNorm.beta", "LayerNorm.bias"}}) {
      if (name.ends_with(old_end)) name = name.substr(0, name.size() - std::string_view(old_end).size()) + end;
    }
    if (!name.starts_with(files_.prefix) && !is_head(name)) name = std::string(files_.prefix) + name;
    return name;
  }

  const TransformerFiles& files_;
  const WeightFiles& stored_;
  std::map<std::string, std::string> present_;  // full name to name in the file
};

}  // namespace

std::vector<std::string_view> known_keys(const TransformerFiles& files) {
  std::vector<std::string_view> known(std::begin(common_keys), std::end(common_keys));
  known.insert(known.end(), files.keys.begin(), files.keys.end());
  return known;
}

TransformerSpec read_spec(const TransformerFiles& files, const std::filesystem::path& folder) {
  const ConfigFile keys(folder / "config.json", fmt::format("Use a model of the architecture {}", files.model_type));
  keys.refuse_what_none_computes();
  keys.expect("pruned_heads", nlohmann::json::object());
  TransformerSpec spec = files.read(keys);
  if (spec.hidden % spec.heads != 0 && spec.head_width == 0) {
    keys.refuse("hidden_size", fmt::format("({}) is not a multiple of num_attention_heads ({})", spec.hidden, spec.heads));
  }
  if (architectures_name(keys, files.span_answerer)) {
    spec.head = {.output = terms::OutputKind::span, .may_answer_none = keys.truth_or(may_answer_none_key, false)};
  } else {
    spec.head = {.classes = keys.class_count(), .class_names = keys.class_names()};
    spec.head_refusal = head_refusal_of(files, keys, spec.head.classes);
  }
  spec.unread_keys = keys.keys_beside(known_keys(files));
  return spec;
}

void refuse_head_not_computed(const std::filesystem::path& folder, const TransformerSpec& spec) {
  if (spec.head_refusal.empty()) return;
  throw base::InputError(fmt::format("{}: the head of this model is not computed here", (folder / "config.json").string()),
                         spec.head_refusal,
                         "Name a classifier of one of several classes, or fine-tune one from it (finetune.epochs)");
}

TransformerModel read_transformer(const TransformerFiles& files, const std::filesystem::path& folder) {
  TransformerModel model{read_spec(files, folder), {}};
  refuse_head_not_computed(folder, model.spec);
  const auto stored = WeightFiles::open(folder);
  model.weights = allocate_weights(model.spec);
  const Names names(files, stored);
  const auto wanted = named_weights(model.spec, model.weights, files.names);
  names.check_known(
      wanted, [&](std::string_view name) { return model.spec.spans() && names.is_head(name) && !names.is_output(name); });
  for (const NamedWeight& weight : wanted) names.read(weight);
  return model;
}

TransformerModel read_transformer_body(const TransformerFiles& files, const std::filesystem::path& folder, const Head& head,
                                       std::uint64_t seed) {
  base::ensure(head.rows() >= 2, "a classifier has at least two classes");
  if ((head.output == terms::OutputKind::span ? files.span_answerer : files.classifier).empty()) {
    throw base::InputError(fmt::format("{} holds a model of the type {}", folder.string(), files.model_type),
                           "it is not trained here to decide what the task asks", "Name a model of another type");
  }
  TransformerModel model{read_spec(files, folder), {}};
  const auto stored = WeightFiles::open(folder);
  const Names names(files, stored);
  const Head own = std::exchange(model.spec.head, head);
  const bool computed = model.spec.head_refusal.empty();
  model.spec.head_refusal.clear();
  model.weights = allocate_weights(model.spec);
  const auto wanted = named_weights(model.spec, model.weights, files.names);
  // Rows of other classes are no better than fresh ones, and would be taken for those of the names that they get.
  bool same_output =
      own.output == head.output && computed && (head.class_names.empty() || head.class_names == own.class_names);
  for (const NamedWeight& weight : wanted) {
    if (!names.is_output(weight.name) || weight.name.ends_with(".bias")) continue;
    const std::string* name = names.find(weight.name);
    same_output = same_output && name != nullptr && stored.info(*name).shape.at(0) == head.rows();
  }
  if (head.class_names.empty() && same_output) model.spec.head.class_names = own.class_names;
  names.check_known(wanted, [&](std::string_view name) { return names.is_head(name); });
  for (const NamedWeight& weight : wanted) {
    const bool is_head = names.is_head(weight.name);
    if (names.find(weight.name) != nullptr && (!names.is_output(weight.name) || same_output)) {
      names.read(weight);
    } else if (is_head) {
      initialise(weight, model.spec.initial_range, seed);
    } else {
      names.refuse_missing(weight.name);
    }
  }
  return model;
}

at::Tensor read_word_embeddings(const TransformerFiles& files, const std::filesystem::path& folder) {
  const TransformerSpec spec = read_spec(files, folder);
  const auto stored = WeightFiles::open(folder);
  TransformerSpec words_only = spec;
  words_only.layers = 0;
  const NamedWeight words = named_weights(words_only, allocate_weights(words_only), files.names).front();
  Names(files, stored).read(words);
  return words.value;
}

void write_transformer(const TransformerFiles& files, const std::filesystem::path& folder, const TransformerModel& model,
                       const std::filesystem::path& source) {
  std::filesystem::create_directories(folder);
  // What the source's config says beyond what we know (pad_token_id, …) stays.
  nlohmann::json json = read_json_object(source / "config.json");
  const Head& head = model.spec.head;
  const bool span = model.spec.spans();
  put_classes(json, span ? 0 : head.classes, head.class_names);
  json.erase("problem_type");
  json.erase(may_answer_none_key);
  if (head.may_answer_none) json[may_answer_none_key] = true;
  json["architectures"] = nlohmann::json::array({span ? files.span_answerer : files.classifier});
  if (!span) json["problem_type"] = "single_label_classification";
  for (const char* type : {"torch_dtype", "dtype"}) {
    if (json.contains(type)) json[type] = "float32";
  }
  write_json(folder / "config.json", json);
  copy_tokenizer(source, folder);
  // Last: a folder that has it is whole.
  write_weights(folder / "model.safetensors", named_weights(model.spec, model.weights, files.names));
}

}  // namespace layersweep::model
