// Qwen2 and Qwen3 (Yang et al. 2024, 2025): Llamas with biases of queries, keys and values, or with norms of queries and
// keys.
#include "model/families/decoder.hpp"
#include "model/families/families.hpp"
#include "model/transformer/config.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

TransformerSpec read_either(const ConfigFile& config) {
  TransformerSpec spec = read_gated_decoder(config);
  // Where it is missing transformers takes a size of its own, where it is null another.
  if (!config.json().contains("num_key_value_heads")) config.refuse("num_key_value_heads", "is missing");
  if (config.truth_or("use_sliding_window", false)) {
    read_sliding_window(config, spec, config.size_or("max_window_layers", 28));
  } else if (!local_layers_of(config, spec.layers, {}).empty()) {
    config.refuse("layer_types", "has sliding_attention, and use_sliding_window is not set");
  }
  return spec;
}

TransformerSpec read_qwen2(const ConfigFile& config) {
  TransformerSpec spec = read_either(config);
  spec.query_key_value_bias = true;
  return spec;
}

TransformerSpec read_qwen3(const ConfigFile& config) {
  TransformerSpec spec = read_either(config);
  spec.head_norms = true;
  spec.query_key_value_bias = spec.attention_out_bias = config.truth_or("attention_bias", false);
  if (!config.json().contains("head_dim")) config.refuse("head_dim", "is missing");
  return spec;
}

}  // namespace

const Family& qwen2_family() {
  static const TransformerFamily family(
      {.model_type = "qwen2",
       .classifier = "Qwen2ForSequenceClassification",
       .span_answerer = "",
       .read = read_qwen2,
       .keys = gated_decoder_keys({"use_sliding_window", "sliding_window", "max_window_layers", "layer_types"}),
       .prefix = "model.",
       .names = gated_decoder_names(),
       .unused = {"lm_head."}});
  return family;
}

const Family& qwen3_family() {
  static const TransformerFamily family(
      {.model_type = "qwen3",
       .classifier = "Qwen3ForSequenceClassification",
       .span_answerer = "",
       .read = read_qwen3,
       .keys = gated_decoder_keys(
           {"use_sliding_window", "sliding_window", "max_window_layers", "layer_types", "attention_bias"}),
       .prefix = "model.",
       .names = gated_decoder_names(
           {{Part::query_norm, "model.layers.{}.self_attn.q_norm"}, {Part::key_norm, "model.layers.{}.self_attn.k_norm"}}),
       .unused = {"lm_head."}});
  return family;
}

}  // namespace layersweep::model
