// Llama (Touvron et al. 2023): a decoder with norms before its blocks, rotary positions and gated feed-forward blocks. So
// far for texts given as token ids, as a classifier on the last token.
#include "model/families/families.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

constexpr std::string_view keys[] = {"num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads",
                                     "head_dim", "intermediate_size", "vocab_size", "max_position_embeddings",
                                     "rms_norm_eps", "rope_theta", "rope_parameters", "attention_dropout",
                                     "initializer_range",
                                     // refused unless they have the value that is computed
                                     "hidden_act", "attention_bias", "mlp_bias", "rope_scaling",
                                     // how a large model was spread over machines
                                     "pretraining_tp"};

TransformerSpec read(const ConfigFile& config) {
  config.expect("hidden_act", "silu");
  config.expect("attention_bias", false);
  config.expect("mlp_bias", false);
  config.expect("rope_scaling", nullptr);
  TransformerSpec spec;
  spec.layers = config.size("num_hidden_layers");
  spec.hidden = config.size("hidden_size");
  spec.heads = config.size("num_attention_heads");
  spec.key_heads = config.size_or("num_key_value_heads", spec.heads);
  spec.head_width = config.size_or("head_dim", spec.hidden / spec.heads);
  spec.inner = config.size("intermediate_size");
  spec.vocabulary = config.size("vocab_size");
  spec.positions = config.size("max_position_embeddings");
  spec.segments = 0;
  spec.norm = NormKind::root_mean_square;
  spec.norm_place = NormPlace::before;
  spec.norm_epsilon = config.number_or("rms_norm_eps", 1e-6, 0, 1);
  spec.activation = Activation::silu;
  spec.gated = true;
  spec.position = Positions::rotary;
  spec.rotary_base = config.number_or("rope_theta", 10000, 1, 1e12);
  if (const auto found = config.json().find("rope_parameters"); found != config.json().end() && found->is_object()) {
    if (found->value("rope_type", "default") != "default") {
      config.refuse("rope_parameters", "asks for scaled rotary positions, which are not computed here");
    }
    spec.rotary_base = found->value("rope_theta", spec.rotary_base);
  }
  spec.causal = true;
  spec.biases = false;
  spec.embedding_norm = false;
  spec.class_read_out = ReadOut::last;
  spec.head_activation = Activation::none;
  spec.head_bias = false;
  spec.hidden_dropout = 0;
  spec.attention_dropout = config.number_or("attention_dropout", 0, 0, 1);
  spec.head_dropout = 0;
  spec.initial_range = config.number_or("initializer_range", 0.02, 0, 10);
  if (spec.heads % spec.key_heads != 0 || spec.head_width % 2 != 0) {
    config.refuse("num_key_value_heads", "does not divide num_attention_heads, or head_dim is odd");
  }
  return spec;
}

}  // namespace

const Family& llama_family() {
  static const TransformerFamily family({.model_type = "llama",
                                         .classifier = "LlamaForSequenceClassification",
                                         .span_answerer = "",
                                         .read = read,
                                         .keys = keys,
                                         .prefix = "model.",
                                         .names = {{Part::word, "model.embed_tokens"},
                                                   {Part::query, "model.layers.{}.self_attn.q_proj"},
                                                   {Part::key, "model.layers.{}.self_attn.k_proj"},
                                                   {Part::value, "model.layers.{}.self_attn.v_proj"},
                                                   {Part::attention_out, "model.layers.{}.self_attn.o_proj"},
                                                   {Part::attention_norm, "model.layers.{}.input_layernorm"},
                                                   {Part::gate, "model.layers.{}.mlp.gate_proj"},
                                                   {Part::up, "model.layers.{}.mlp.up_proj"},
                                                   {Part::down, "model.layers.{}.mlp.down_proj"},
                                                   {Part::output_norm, "model.layers.{}.post_attention_layernorm"},
                                                   {Part::final_norm, "model.norm"},
                                                   {Part::classes, "score"}},
                                         .unused = {"lm_head."}});
  return family;
}

}  // namespace layersweep::model
