// Mistral (Jiang et al. 2023): a Llama whose tokens attend to a window of those before them.
#include "model/families/decoder.hpp"
#include "model/families/families.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

TransformerSpec read(const ConfigFile& config) {
  config.expect("layer_types", nullptr);
  TransformerSpec spec = read_gated_decoder(config);
  // Where these are missing transformers takes sizes of its own, where they are null others.
  for (const char* key : {"num_key_value_heads", "sliding_window"}) {
    if (!config.json().contains(key)) config.refuse(key, "is missing");
  }
  if (!config.json().at("sliding_window").is_null()) read_sliding_window(config, spec, 0);
  return spec;
}

}  // namespace

const Family& mistral_family() {
  static const TransformerFamily family({.model_type = "mistral",
                                         .classifier = "MistralForSequenceClassification",
                                         .span_answerer = "",
                                         .read = read,
                                         .keys = gated_decoder_keys({"sliding_window", "layer_types"}),
                                         .prefix = "model.",
                                         .names = gated_decoder_names(),
                                         .unused = {"lm_head."}});
  return family;
}

}  // namespace layersweep::model
