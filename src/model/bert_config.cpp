#include "model/bert_config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "model/config_file.hpp"
#include "model/json_file.hpp"

namespace layersweep::model {
namespace {

constexpr std::string_view known_keys[] = {
    // read
    "model_type", "architectures", "num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size",
    "vocab_size", "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_dropout_prob",
    "attention_probs_dropout_prob", "classifier_dropout", "initializer_range", "id2label", "label2id", "num_labels",
    "problem_type", may_answer_none_key,
    // refused unless they have the value that is computed
    "hidden_act", "position_embedding_type", "is_decoder", "add_cross_attention", "is_encoder_decoder",
    "quantization_config", "auto_map", "pruned_heads",
    // without effect on what a frozen encoder computes: how the same is computed, which ids texts are made of (the
    // tokenizer's matter), what is saved, and the pooler of another program
    "_attn_implementation", "_attn_implementation_autoset", "attn_implementation", "chunk_size_feed_forward", "use_cache",
    "tie_word_embeddings", "gradient_checkpointing", "output_attentions", "output_hidden_states", "return_dict",
    "torchscript", "torch_dtype", "dtype", "transformers_version", "_name_or_path", "name_or_path", "finetuning_task",
    "tokenizer_class", "pad_token_id", "bos_token_id", "eos_token_id", "sep_token_id", "cls_token_id", "prefix",
    "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers", "pooler_size_per_head",
    "pooler_type"};

bool names(const nlohmann::json& json, const char* architecture) {
  const auto names = json.find("architectures");
  return names != json.end() && names->is_array() && std::ranges::find(*names, architecture) != names->end();
}

// Why the classifier that the file describes is none of one of several classes; empty where it is.
std::string head_refusal_of(const ConfigFile& keys, std::int64_t classes) {
  const std::string problem = keys.text_or("problem_type", "");
  if (problem == "multi_label_classification")
    return "problem_type is \"multi_label_classification\": several labels at once";
  if (problem == "regression") return "problem_type is \"regression\": a number";
  if (problem != "" && problem != "single_label_classification") return fmt::format("problem_type is \"{}\"", problem);
  if (classes == 1)
    return problem.empty() ? "num_labels is 1: a number (regression)" : "num_labels is 1: there is no other class";
  const auto named = keys.json().find("architectures");
  const bool says = named != keys.json().end() && named->is_array() && !named->empty();
  if (says && !names(keys.json(), "BertForSequenceClassification")) {
    return fmt::format("architectures names {}", named->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return {};
}

}  // namespace

std::span<const std::string_view> known_bert_keys() { return known_keys; }

BertConfig read_bert_config(const std::filesystem::path& config_json) {
  const ConfigFile keys(config_json, "Use an encoder of BERT's architecture (model_type bert)");
  keys.refuse_what_none_computes();
  if (const std::string kind = model_type(keys.json(), config_json); kind != "bert") {
    keys.refuse("model_type", fmt::format("is \"{}\", not \"bert\"", kind));
  }
  keys.expect("hidden_act", "gelu");
  keys.expect("position_embedding_type", "absolute");
  keys.expect("is_decoder", false);
  keys.expect("add_cross_attention", false);
  keys.expect("pruned_heads", nlohmann::json::object());

  BertConfig config;
  config.layers = keys.size("num_hidden_layers");
  config.hidden = keys.size("hidden_size");
  config.heads = keys.size("num_attention_heads");
  config.inner = keys.size("intermediate_size");
  config.vocabulary = keys.size("vocab_size");
  config.positions = keys.size("max_position_embeddings");
  config.segments = keys.size_or("type_vocab_size", 2);
  config.output = names(keys.json(), "BertForQuestionAnswering") ? OutputKind::span : OutputKind::classes;
  config.classes = config.output == OutputKind::span ? 2 : keys.class_count();
  if (config.output == OutputKind::classes) config.class_names = keys.class_names();
  if (config.output == OutputKind::span) config.may_answer_none = keys.truth_or(may_answer_none_key, false);
  if (config.output == OutputKind::classes) config.head_refusal = head_refusal_of(keys, config.classes);
  config.unread_keys = keys.keys_beside(known_keys);
  config.norm_epsilon = keys.number_or("layer_norm_eps", 1e-12, 0, 1);
  config.hidden_dropout = keys.number_or("hidden_dropout_prob", 0.1, 0, 1);
  config.attention_dropout = keys.number_or("attention_probs_dropout_prob", 0.1, 0, 1);
  config.classifier_dropout = keys.number_or("classifier_dropout", config.hidden_dropout, 0, 1);
  config.initial_range = keys.number_or("initializer_range", 0.02, 0, 10);
  if (config.hidden % config.heads != 0) {
    keys.refuse("hidden_size",
                fmt::format("({}) is not a multiple of num_attention_heads ({})", config.hidden, config.heads));
  }
  return config;
}

}  // namespace layersweep::model
