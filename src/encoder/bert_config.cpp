#include "encoder/bert_config.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "encoder/config_file.hpp"
#include "encoder/json_file.hpp"

namespace layersweep::encoder {
namespace {

bool names_question_answering(const nlohmann::json& json) {
  const auto names = json.find("architectures");
  return names != json.end() && names->is_array() && std::ranges::find(*names, "BertForQuestionAnswering") != names->end();
}

}  // namespace

BertConfig read_bert_config(const std::filesystem::path& config_json) {
  const ConfigFile keys(config_json, "use an encoder of BERT's architecture (model_type bert)");
  if (const std::string kind = model_type(keys.json(), config_json); kind != "bert") {
    keys.refuse("model_type", fmt::format("is \"{}\", not \"bert\"", kind));
  }
  keys.expect("hidden_act", "gelu");
  keys.expect("position_embedding_type", "absolute");
  if (keys.json().value("is_decoder", false)) keys.refuse("is_decoder", "is set, and only encoders are computed here");

  BertConfig config;
  config.layers = keys.size("num_hidden_layers");
  config.hidden = keys.size("hidden_size");
  config.heads = keys.size("num_attention_heads");
  config.inner = keys.size("intermediate_size");
  config.vocabulary = keys.size("vocab_size");
  config.positions = keys.size("max_position_embeddings");
  config.segments = keys.size_or("type_vocab_size", 2);
  config.output = names_question_answering(keys.json()) ? OutputKind::span : OutputKind::classes;
  config.classes = config.output == OutputKind::span ? 2 : keys.class_count();
  if (config.output == OutputKind::classes) config.class_names = keys.class_names();
  if (config.output == OutputKind::span) config.may_answer_none = keys.json().value(may_answer_none_key, false);
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

}  // namespace layersweep::encoder
