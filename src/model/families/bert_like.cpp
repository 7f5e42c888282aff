#include "model/families/bert_like.hpp"

#include <string>

#include "model/transformer/config.hpp"

namespace layersweep::model {

TransformerSpec read_bert_like(const ConfigFile& config) {
  config.expect("position_embedding_type", "absolute");
  config.expect("is_decoder", false);
  config.expect("add_cross_attention", false);
  TransformerSpec spec;
  read_sizes(config, spec);
  const auto segments = config.json().find("type_vocab_size");
  const bool none = segments != config.json().end() && *segments == 0;
  spec.segments = none ? 0 : config.size_or("type_vocab_size", 2);
  spec.norm_epsilon = config.number_or("layer_norm_eps", 1e-12, 0, 1);
  spec.activation = activation_of(config, "hidden_act", "gelu");
  spec.hidden_dropout = config.number_or("hidden_dropout_prob", 0.1, 0, 1);
  spec.attention_dropout = config.number_or("attention_probs_dropout_prob", 0.1, 0, 1);
  spec.head_dropout = config.number_or("classifier_dropout", spec.hidden_dropout, 0, 1);
  spec.initial_range = config.number_or("initializer_range", 0.02, 0, 10);
  return spec;
}

std::vector<std::string_view> bert_like_keys(std::vector<std::string_view> own) {
  own.insert(own.end(), {"num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "vocab_size",
                         "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "hidden_act", "hidden_dropout_prob",
                         "attention_probs_dropout_prob", "classifier_dropout", "initializer_range",
                         // refused unless they have the value that is computed
                         "position_embedding_type", "is_decoder", "add_cross_attention"});
  return own;
}

PartNames bert_like_names(std::string_view prefix, PartNames own) {
  const std::string embeddings = std::string(prefix) + "embeddings.", layer = std::string(prefix) + "encoder.layer.{}.";
  PartNames names{{Part::word, embeddings + "word_embeddings"},
                  {Part::position, embeddings + "position_embeddings"},
                  {Part::segment, embeddings + "token_type_embeddings"},
                  {Part::embedding_norm, embeddings + "LayerNorm"},
                  {Part::query, layer + "attention.self.query"},
                  {Part::key, layer + "attention.self.key"},
                  {Part::value, layer + "attention.self.value"},
                  {Part::attention_out, layer + "attention.output.dense"},
                  {Part::attention_norm, layer + "attention.output.LayerNorm"},
                  {Part::up, layer + "intermediate.dense"},
                  {Part::down, layer + "output.dense"},
                  {Part::output_norm, layer + "output.LayerNorm"}};
  names.insert(names.end(), own.begin(), own.end());
  return names;
}

}  // namespace layersweep::model
