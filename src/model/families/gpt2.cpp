// GPT-2 (Radford et al. 2019): a decoder with learned positions, whose matrices lie in x out in its files.
#include "model/families/decoder.hpp"
#include "model/families/families.hpp"
#include "model/transformer/config.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

constexpr std::string_view keys[] = {
    "n_layer", "n_embd", "n_head", "n_inner", "n_positions", "vocab_size", "activation_function", "layer_norm_epsilon",
    "resid_pdrop", "embd_pdrop", "attn_pdrop", "initializer_range",
    // refused unless they have the value that is computed
    "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "add_cross_attention",
    // other names of sizes, refused unless they agree
    "n_ctx", "hidden_size", "num_attention_heads", "num_hidden_layers", "max_position_embeddings",
    // of heads for choices and for tokens, and of generation
    "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj",
    "summary_last_dropout", "classifier_dropout", "hidden_dropout", "task_specific_params"};

TransformerSpec read(const ConfigFile& config) {
  config.expect("scale_attn_weights", true);
  config.expect("scale_attn_by_inverse_layer_idx", false);
  config.expect("reorder_and_upcast_attn", false);
  config.expect("add_cross_attention", false);
  TransformerSpec spec = causal_spec(config);
  spec.layers = config.size("n_layer");
  spec.hidden = config.size("n_embd");
  spec.heads = config.size("n_head");
  spec.inner = config.size_or("n_inner", 4 * spec.hidden);
  spec.vocabulary = config.size("vocab_size");
  spec.positions = config.size("n_positions");
  config.expect("num_hidden_layers", spec.layers);
  config.expect("hidden_size", spec.hidden);
  config.expect("num_attention_heads", spec.heads);
  config.expect("max_position_embeddings", spec.positions);
  config.expect("n_ctx", spec.positions);
  spec.norm_epsilon = config.number_or("layer_norm_epsilon", 1e-5, 0, 1);
  spec.activation = activation_of(config, "activation_function", "gelu_new");
  spec.hidden_dropout = config.number_or("resid_pdrop", 0.1, 0, 1);
  spec.embedding_dropout = config.number_or("embd_pdrop", 0.1, 0, 1);
  spec.attention_dropout = config.number_or("attn_pdrop", 0.1, 0, 1);
  return spec;
}

}  // namespace

const Family& gpt2_family() {
  static const TransformerFamily family(
      {.model_type = "gpt2",
       .classifier = "GPT2ForSequenceClassification",
       .span_answerer = "",
       .read = read,
       .keys = {std::begin(keys), std::end(keys)},
       .prefix = "transformer.",
       .names = {{Part::word, "transformer.wte"},
                 {Part::position, "transformer.wpe"},
                 {Part::attention_norm, "transformer.h.{}.ln_1"},
                 {Part::query_key_value, "transformer.h.{}.attn.c_attn", Layout::transposed},
                 {Part::attention_out, "transformer.h.{}.attn.c_proj", Layout::transposed},
                 {Part::output_norm, "transformer.h.{}.ln_2"},
                 {Part::up, "transformer.h.{}.mlp.c_fc", Layout::transposed},
                 {Part::down, "transformer.h.{}.mlp.c_proj", Layout::transposed},
                 {Part::final_norm, "transformer.ln_f"},
                 {Part::classes, "score"}},
       .unused = {"lm_head."}});
  return family;
}

}  // namespace layersweep::model
