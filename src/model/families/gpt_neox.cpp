// GPT-NeoX (Black et al. 2022), the Pythia models among them: a decoder whose two blocks of a layer take the same input, and
// that rotates a part of each head.
#include "model/families/decoder.hpp"
#include "model/families/families.hpp"
#include "model/transformer/config.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

constexpr std::string_view keys[] = {
    "num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "vocab_size", "max_position_embeddings",
    "layer_norm_eps", "hidden_act", "use_parallel_residual", "rotary_pct", "rotary_emb_base", "rope_theta", "rope_scaling",
    "rope_parameters", "attention_bias", "hidden_dropout", "attention_dropout", "initializer_range",
    // refused unless they have the value that is computed
    "head_dim",
    // of a head for tokens; of a cache
    "classifier_dropout", "is_decoder"};

TransformerSpec read(const ConfigFile& config) {
  config.expect("head_dim", nullptr);
  TransformerSpec spec = causal_spec(config);
  read_sizes(config, spec);
  spec.norm_epsilon = config.number_or("layer_norm_eps", 1e-5, 0, 1);
  spec.activation = activation_of(config, "hidden_act", "gelu");
  spec.parallel = config.truth_or("use_parallel_residual", true);
  spec.position = Positions::rotary;
  const Rotary otherwise{.base = config.number_or("rotary_emb_base", 10000, 1, 1e15),
                         .part = config.number_or("rotary_pct", 0.25, 0, 1.5)};
  spec.rotary = spec.local_rotary = rotary_of(config, otherwise);
  check_rotary(config, config.json().contains("rope_parameters") ? "rope_parameters" : "rotary_pct", spec);
  spec.query_key_value_bias = spec.attention_out_bias = config.truth_or("attention_bias", true);
  spec.hidden_dropout = config.number_or("hidden_dropout", 0, 0, 1);
  spec.attention_dropout = config.number_or("attention_dropout", 0, 0, 1);
  return spec;
}

}  // namespace

const Family& gpt_neox_family() {
  static const TransformerFamily family(
      {.model_type = "gpt_neox",
       .classifier = "GPTNeoXForSequenceClassification",
       .span_answerer = "",
       .read = read,
       .keys = {std::begin(keys), std::end(keys)},
       .prefix = "gpt_neox.",
       .names = {{Part::word, "gpt_neox.embed_in"},
                 {Part::attention_norm, "gpt_neox.layers.{}.input_layernorm"},
                 {Part::query_key_value, "gpt_neox.layers.{}.attention.query_key_value", Layout::by_head},
                 {Part::attention_out, "gpt_neox.layers.{}.attention.dense"},
                 {Part::output_norm, "gpt_neox.layers.{}.post_attention_layernorm"},
                 {Part::up, "gpt_neox.layers.{}.mlp.dense_h_to_4h"},
                 {Part::down, "gpt_neox.layers.{}.mlp.dense_4h_to_h"},
                 {Part::final_norm, "gpt_neox.final_layer_norm"},
                 {Part::classes, "score"}},
       .unused = {"embed_out.", "lm_head."}});
  return family;
}

}  // namespace layersweep::model
