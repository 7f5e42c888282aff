// Llama (Touvron et al. 2023): a decoder with norms before its blocks, rotary positions and gated feed-forward blocks.
#include "model/families/decoder.hpp"
#include "model/families/families.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

TransformerSpec read(const ConfigFile& config) {
  TransformerSpec spec = read_gated_decoder(config);
  spec.query_key_value_bias = spec.attention_out_bias = config.truth_or("attention_bias", false);
  spec.feed_forward_bias = config.truth_or("mlp_bias", false);
  return spec;
}

}  // namespace

const Family& llama_family() {
  static const TransformerFamily family({.model_type = "llama",
                                         .classifier = "LlamaForSequenceClassification",
                                         .span_answerer = "",
                                         .read = read,
                                         .keys = gated_decoder_keys({"attention_bias", "mlp_bias"}),
                                         .prefix = "model.",
                                         .names = gated_decoder_names(),
                                         .unused = {"lm_head."}});
  return family;
}

}  // namespace layersweep::model
