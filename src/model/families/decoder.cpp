#include "model/families/decoder.hpp"

#include <string>

#include "model/transformer/config.hpp"

namespace layersweep::model {

TransformerSpec causal_spec(const ConfigFile& config) {
  TransformerSpec spec;
  spec.padding = padding_of(config, -1);
  spec.segments = 0;
  spec.norm_place = NormPlace::before;
  spec.causal = true;
  spec.embedding_norm = false;
  spec.class_read_out = ReadOut::last;
  spec.head_activation = Activation::none;
  spec.head_bias = false;
  spec.head_dropout = 0;
  spec.initial_range = config.number_or("initializer_range", 0.02, 0, 10);
  return spec;
}

TransformerSpec read_gated_decoder(const ConfigFile& config) {
  config.expect("partial_rotary_factor", 1.0);
  TransformerSpec spec = causal_spec(config);
  read_sizes(config, spec);
  spec.key_heads = config.size_or("num_key_value_heads", spec.heads);
  spec.head_width = config.size_or("head_dim", spec.hidden / spec.heads);
  spec.norm = NormKind::root_mean_square;
  spec.norm_epsilon = config.number_or("rms_norm_eps", 1e-6, 0, 1);
  spec.activation = activation_of(config, "hidden_act", "silu");
  spec.gated = true;
  spec.position = Positions::rotary;
  spec.rotary = spec.local_rotary = rotary_of(config, {});
  spec.query_key_value_bias = spec.attention_out_bias = spec.feed_forward_bias = false;
  spec.hidden_dropout = 0;
  spec.attention_dropout = config.number_or("attention_dropout", 0, 0, 1);
  if (spec.heads % spec.key_heads != 0) config.refuse("num_key_value_heads", "does not divide num_attention_heads");
  if (spec.rotary.part != 1) config.refuse("rope_parameters", "has a partial_rotary_factor other than 1");
  check_rotary(config, "head_dim", spec);
  return spec;
}

std::vector<std::string_view> gated_decoder_keys(std::vector<std::string_view> own) {
  own.insert(own.end(),
             {"num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim",
              "intermediate_size", "vocab_size", "max_position_embeddings", "rms_norm_eps", "hidden_act", "rope_theta",
              "rope_scaling", "rope_parameters", "partial_rotary_factor", "attention_dropout", "initializer_range",
              // how a large model was spread over machines
              "pretraining_tp"});
  return own;
}

PartNames gated_decoder_names(PartNames own) {
  const std::string layer = "model.layers.{}.";
  PartNames names{{Part::word, "model.embed_tokens"},
                  {Part::query, layer + "self_attn.q_proj"},
                  {Part::key, layer + "self_attn.k_proj"},
                  {Part::value, layer + "self_attn.v_proj"},
                  {Part::attention_out, layer + "self_attn.o_proj"},
                  {Part::attention_norm, layer + "input_layernorm"},
                  {Part::gate, layer + "mlp.gate_proj"},
                  {Part::up, layer + "mlp.up_proj"},
                  {Part::down, layer + "mlp.down_proj"},
                  {Part::output_norm, layer + "post_attention_layernorm"},
                  {Part::final_norm, "model.norm"},
                  {Part::classes, "score"}};
  names.insert(names.end(), own.begin(), own.end());
  return names;
}

void read_sliding_window(const ConfigFile& config, TransformerSpec& spec, std::int64_t first_local) {
  std::vector<bool> local(static_cast<std::size_t>(spec.layers));
  for (std::int64_t layer = first_local; layer < spec.layers; ++layer) local[static_cast<std::size_t>(layer)] = true;
  spec.local = local_layers_of(config, spec.layers, local);
  // The token itself is one of the window's.
  if (!spec.local.empty()) spec.window = config.size("sliding_window") - 1;
}

}  // namespace layersweep::model
