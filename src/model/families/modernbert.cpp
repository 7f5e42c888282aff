// ModernBERT (Warner et al. 2024): an encoder with norms before its blocks, rotary positions and gated feed-forward blocks,
// of which most layers attend to a window.
#include <fmt/format.h>

#include "model/families/families.hpp"
#include "model/transformer/config.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

constexpr std::string_view keys[] = {
    "num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "vocab_size", "max_position_embeddings",
    "norm_eps", "norm_bias", "attention_bias", "mlp_bias", "hidden_activation", "global_attn_every_n_layers", "layer_types",
    "local_attention", "global_rope_theta", "local_rope_theta", "rope_parameters", "rope_scaling", "head_dim",
    "sliding_window", "classifier_pooling", "classifier_bias", "classifier_activation", "classifier_dropout",
    "attention_dropout", "embedding_dropout", "mlp_dropout", "initializer_range",
    // of training, of other heads, and how the same is computed
    "initializer_cutoff_factor", "decoder_bias", "sparse_prediction", "sparse_pred_ignore_index", "deterministic_flash_attn",
    "reference_compile", "repad_logits_with_grad", "position_embedding_type", "layer_norm_eps"};

// rope_parameters of the newer files has an object for each kind of layer.
Rotary rotary_of_kind(const ConfigFile& config, const char* theta, double base, const char* kind) {
  const Rotary otherwise{.base = config.number_or(theta, base, 1, 1e15)};
  const auto parameters = config.json().find("rope_parameters");
  if (parameters == config.json().end() || parameters->is_null()) return otherwise;
  if (!parameters->is_object()) config.refuse("rope_parameters", "is no object");
  for (const auto& [name, value] : parameters->items()) {
    if (name != "full_attention" && name != "sliding_attention") {
      config.refuse("rope_parameters", fmt::format("has {}, which is not computed here", name));
    }
  }
  const auto found = parameters->find(kind);
  if (found == parameters->end() || found->is_null()) return otherwise;
  return rotary_of(config, "rope_parameters", *found, otherwise);
}

TransformerSpec read(const ConfigFile& config) {
  config.expect("rope_scaling", nullptr);
  config.expect("head_dim", nullptr);
  TransformerSpec spec;
  read_sizes(config, spec);
  spec.segments = 0;
  spec.norm_place = NormPlace::before;
  spec.norm_epsilon = config.number_or("norm_eps", 1e-5, 0, 1);
  spec.norm_bias = config.truth_or("norm_bias", false);
  spec.first_norm = false;
  spec.activation = activation_of(config, "hidden_activation", "gelu");
  spec.gated = true;
  spec.query_key_value_bias = spec.attention_out_bias = config.truth_or("attention_bias", false);
  spec.feed_forward_bias = config.truth_or("mlp_bias", false);
  spec.position = Positions::rotary;
  spec.rotary = rotary_of_kind(config, "global_rope_theta", 160000, "full_attention");
  spec.local_rotary = rotary_of_kind(config, "local_rope_theta", 10000, "sliding_attention");
  if (spec.rotary.part != 1 || spec.local_rotary.part != 1) {
    config.refuse("rope_parameters", "has a partial_rotary_factor other than 1");
  }
  check_rotary(config, "num_attention_heads", spec);
  const std::int64_t every = config.size_or("global_attn_every_n_layers", 3);
  std::vector<bool> local;
  for (std::int64_t layer = 0; layer < spec.layers; ++layer) local.push_back(layer % every != 0);
  spec.local = local_layers_of(config, spec.layers, local);
  spec.window = config.size_or("local_attention", 128) / 2;
  config.expect("sliding_window", spec.window);

  const std::string pooling = config.text_or("classifier_pooling", "cls");
  if (pooling != "cls" && pooling != "mean") {
    config.refuse("classifier_pooling", fmt::format("is \"{}\", which is not computed here", pooling));
  }
  spec.class_read_out = pooling == "mean" ? ReadOut::mean : ReadOut::first;
  spec.head_activation = activation_of(config, "classifier_activation", "gelu");
  spec.head_map_bias = config.truth_or("classifier_bias", false);
  spec.head_map_norm = true;
  spec.span_map = true;
  spec.head_dropout = config.number_or("classifier_dropout", 0, 0, 1);
  spec.attention_dropout = config.number_or("attention_dropout", 0, 0, 1);
  spec.embedding_dropout = config.number_or("embedding_dropout", 0, 0, 1);
  spec.hidden_dropout = config.number_or("mlp_dropout", 0, 0, 1);
  spec.initial_range = config.number_or("initializer_range", 0.02, 0, 10);
  return spec;
}

}  // namespace

const Family& modernbert_family() {
  static const TransformerFamily family({.model_type = "modernbert",
                                         .classifier = "ModernBertForSequenceClassification",
                                         .span_answerer = "ModernBertForQuestionAnswering",
                                         .read = read,
                                         .keys = {std::begin(keys), std::end(keys)},
                                         .prefix = "model.",
                                         .names = {{Part::word, "model.embeddings.tok_embeddings"},
                                                   {Part::embedding_norm, "model.embeddings.norm"},
                                                   {Part::attention_norm, "model.layers.{}.attn_norm"},
                                                   {Part::query_key_value, "model.layers.{}.attn.Wqkv"},
                                                   {Part::attention_out, "model.layers.{}.attn.Wo"},
                                                   {Part::output_norm, "model.layers.{}.mlp_norm"},
                                                   {Part::gate_and_up, "model.layers.{}.mlp.Wi"},
                                                   {Part::down, "model.layers.{}.mlp.Wo"},
                                                   {Part::final_norm, "model.final_norm"},
                                                   {Part::dense, "head.dense"},
                                                   {Part::dense_norm, "head.norm"},
                                                   {Part::classes, "classifier"},
                                                   {Part::span, "classifier"}},
                                         .unused = {"decoder."}});
  return family;
}

}  // namespace layersweep::model
