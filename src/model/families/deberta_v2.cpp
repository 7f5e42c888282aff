// DeBERTa-v3 (He et al. 2021): a BERT whose layers score words against distances. The type of its files is deberta-v2.
#include <fmt/format.h>

#include "model/families/bert_like.hpp"
#include "model/families/families.hpp"
#include "model/transformer/config.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

// Refuses any other value, and a missing key, for which transformers takes another one.
void require(const ConfigFile& config, const char* key, const nlohmann::json& only) {
  const auto found = config.json().find(key);
  if (found == config.json().end()) config.refuse(key, fmt::format("is missing, and only {} is computed here", only.dump()));
  config.expect(key, only);
}

// pos_att_type, a text "p2c|c2p" or a list.
void read_terms(const ConfigFile& config, RelativePositions& relative) {
  relative.keys = relative.queries = false;
  const auto found = config.json().find("pos_att_type");
  if (found == config.json().end() || found->is_null()) return;
  std::vector<std::string> terms;
  if (found->is_string()) {
    std::string text = found->get<std::string>() + "|";
    for (std::size_t end = text.find('|'); end != text.npos; end = text.find('|')) {
      terms.push_back(text.substr(0, end));
      text.erase(0, end + 1);
    }
  } else if (found->is_array()) {
    for (const auto& term : *found) terms.push_back(term.is_string() ? term.get<std::string>() : term.dump());
  } else {
    config.refuse("pos_att_type", "is neither a text nor a list");
  }
  for (const std::string& term : terms) {
    if (term == "c2p") {
      relative.keys = true;
    } else if (term == "p2c") {
      relative.queries = true;
    } else {
      config.refuse("pos_att_type", fmt::format("has the term \"{}\", which is not computed here", term));
    }
  }
}

// A whole number of which one below 1 stands for none, as transformers has it.
std::int64_t size_or_none(const ConfigFile& config, const char* key) {
  const auto found = config.json().find(key);
  const bool none = found == config.json().end() || (found->is_number_integer() && found->get<std::int64_t>() < 1);
  return none ? 0 : config.size(key);
}

TransformerSpec read(const ConfigFile& config) {
  require(config, "relative_attention", true);
  require(config, "share_att_key", true);
  require(config, "position_biased_input", false);
  config.expect("conv_kernel_size", 0);
  TransformerSpec spec = read_bert_like(config);
  for (const char* key : {"embedding_size", "pooler_hidden_size"}) config.expect(key, spec.hidden);
  config.expect("attention_head_size", spec.hidden / spec.heads);
  if (!config.json().contains("type_vocab_size")) spec.segments = 0;
  spec.norm_epsilon = config.number_or("layer_norm_eps", 1e-7, 0, 1);
  spec.position = Positions::relative;
  const std::int64_t buckets = size_or_none(config, "position_buckets");
  const std::int64_t given = size_or_none(config, "max_relative_positions");
  const std::int64_t longest = given > 0 ? given : spec.positions;
  spec.relative.span = buckets > 0 ? buckets : longest;
  spec.relative.longest = buckets > 0 ? longest : 0;
  if (buckets > 0 && (buckets < 4 || longest <= buckets / 2 + 1)) {
    config.refuse("position_buckets", fmt::format("is {} for {} positions", buckets, longest));
  }
  read_terms(config, spec.relative);
  const std::string norm = config.text_or("norm_rel_ebd", "none");
  if (norm != "none" && norm != "layer_norm") {
    config.refuse("norm_rel_ebd", fmt::format("is \"{}\", which is not computed here", norm));
  }
  spec.relative.norm = norm == "layer_norm";
  spec.head_activation = activation_of(config, "pooler_hidden_act", "gelu");
  spec.head_dropout = config.number_or("cls_dropout", spec.hidden_dropout, 0, 1);
  return spec;
}

std::string layer(std::string_view part) { return fmt::format("deberta.encoder.layer.{{}}.{}", part); }

}  // namespace

const Family& deberta_v2_family() {
  static const TransformerFamily family(
      {.model_type = "deberta-v2",
       .classifier = "DebertaV2ForSequenceClassification",
       .span_answerer = "DebertaV2ForQuestionAnswering",
       .read = read,
       // Dropout of the head, and how masked words are predicted.
       .keys = bert_like_keys({"relative_attention", "share_att_key", "position_biased_input", "conv_kernel_size",
                               "embedding_size", "pooler_hidden_size", "attention_head_size", "position_buckets",
                               "max_relative_positions", "pos_att_type", "norm_rel_ebd", "pooler_hidden_act", "cls_dropout",
                               "pooler_dropout", "conv_act", "conv_groups", "legacy"}),
       .prefix = "deberta.",
       .names = {{Part::word, "deberta.embeddings.word_embeddings"},
                 {Part::segment, "deberta.embeddings.token_type_embeddings"},
                 {Part::embedding_norm, "deberta.embeddings.LayerNorm"},
                 {Part::relative, "deberta.encoder.rel_embeddings"},
                 {Part::relative_norm, "deberta.encoder.LayerNorm"},
                 {Part::query, layer("attention.self.query_proj")},
                 {Part::key, layer("attention.self.key_proj")},
                 {Part::value, layer("attention.self.value_proj")},
                 {Part::attention_out, layer("attention.output.dense")},
                 {Part::attention_norm, layer("attention.output.LayerNorm")},
                 {Part::up, layer("intermediate.dense")},
                 {Part::down, layer("output.dense")},
                 {Part::output_norm, layer("output.LayerNorm")},
                 {Part::dense, "pooler.dense"},
                 {Part::classes, "classifier"},
                 {Part::span, "qa_outputs"}},
       // Heads of pre-training, and positions that this model does not add.
       .unused = {"lm_predictions.", "mask_predictions.", "cls.", "deberta.embeddings.position_embeddings.",
                  "embeddings.position_embeddings."}});
  return family;
}

}  // namespace layersweep::model
