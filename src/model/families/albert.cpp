// ALBERT (Lan et al. 2020): a BERT whose layers share their weights, with narrow word embeddings.
#include <fmt/format.h>

#include "model/families/bert_like.hpp"
#include "model/families/families.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

TransformerSpec read(const ConfigFile& config) {
  config.expect("inner_group_num", 1);
  TransformerSpec spec = read_bert_like(config);
  spec.word_width = config.size_or("embedding_size", 128);
  spec.embedding_map = true;
  spec.layer_sets = config.size_or("num_hidden_groups", 1);
  if (spec.layers % spec.layer_sets != 0) config.refuse("num_hidden_groups", "does not divide num_hidden_layers");
  spec.head_dropout = config.number_or("classifier_dropout_prob", 0.1, 0, 1);
  return spec;
}

std::string layer(std::string_view part) {
  return fmt::format("albert.encoder.albert_layer_groups.{{}}.albert_layers.0.{}", part);
}

}  // namespace

const Family& albert_family() {
  static const TransformerFamily family(
      {.model_type = "albert",
       .classifier = "AlbertForSequenceClassification",
       .span_answerer = "AlbertForQuestionAnswering",
       .read = read,
       // The last four are of no version that was published.
       .keys = bert_like_keys({"embedding_size", "inner_group_num", "num_hidden_groups", "classifier_dropout_prob",
                               "down_scale_factor", "gap_size", "net_structure_type", "num_memory_blocks"}),
       .prefix = "albert.",
       .names = {{Part::word, "albert.embeddings.word_embeddings"},
                 {Part::position, "albert.embeddings.position_embeddings"},
                 {Part::segment, "albert.embeddings.token_type_embeddings"},
                 {Part::embedding_norm, "albert.embeddings.LayerNorm"},
                 {Part::embedding_map, "albert.encoder.embedding_hidden_mapping_in"},
                 {Part::query, layer("attention.query")},
                 {Part::key, layer("attention.key")},
                 {Part::value, layer("attention.value")},
                 {Part::attention_out, layer("attention.dense")},
                 {Part::attention_norm, layer("attention.LayerNorm")},
                 {Part::up, layer("ffn")},
                 {Part::down, layer("ffn_output")},
                 {Part::output_norm, layer("full_layer_layer_norm")},
                 {Part::dense, "albert.pooler"},
                 {Part::classes, "classifier"},
                 {Part::span, "qa_outputs"}},
       .unused = {"predictions.", "sop_classifier."}});
  return family;
}

}  // namespace layersweep::model
