// BERT (Devlin et al. 2019): the encoder of the paper.
#include "model/families/families.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

constexpr std::string_view keys[] = {"num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size",
                                     "vocab_size", "max_position_embeddings", "type_vocab_size", "layer_norm_eps",
                                     "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout",
                                     "initializer_range",
                                     // refused unless they have the value that is computed
                                     "hidden_act", "position_embedding_type", "is_decoder", "add_cross_attention",
                                     // the pooler of another program
                                     "directionality", "pooler_fc_size", "pooler_num_attention_heads",
                                     "pooler_num_fc_layers", "pooler_size_per_head", "pooler_type"};

TransformerSpec read(const ConfigFile& config) {
  config.expect("hidden_act", "gelu");
  config.expect("position_embedding_type", "absolute");
  config.expect("is_decoder", false);
  config.expect("add_cross_attention", false);
  TransformerSpec spec;
  spec.layers = config.size("num_hidden_layers");
  spec.hidden = config.size("hidden_size");
  spec.heads = config.size("num_attention_heads");
  spec.inner = config.size("intermediate_size");
  spec.vocabulary = config.size("vocab_size");
  spec.positions = config.size("max_position_embeddings");
  spec.segments = config.size_or("type_vocab_size", 2);
  spec.norm_epsilon = config.number_or("layer_norm_eps", 1e-12, 0, 1);
  spec.hidden_dropout = config.number_or("hidden_dropout_prob", 0.1, 0, 1);
  spec.attention_dropout = config.number_or("attention_probs_dropout_prob", 0.1, 0, 1);
  spec.head_dropout = config.number_or("classifier_dropout", spec.hidden_dropout, 0, 1);
  spec.initial_range = config.number_or("initializer_range", 0.02, 0, 10);
  return spec;
}

}  // namespace

const Family& bert_family() {
  static const TransformerFamily family(
      {.model_type = "bert",
       .classifier = "BertForSequenceClassification",
       .span_answerer = "BertForQuestionAnswering",
       .read = read,
       .keys = keys,
       .prefix = "bert.",
       .names = {{Part::word, "bert.embeddings.word_embeddings"},
                 {Part::position, "bert.embeddings.position_embeddings"},
                 {Part::segment, "bert.embeddings.token_type_embeddings"},
                 {Part::embedding_norm, "bert.embeddings.LayerNorm"},
                 {Part::query, "bert.encoder.layer.{}.attention.self.query"},
                 {Part::key, "bert.encoder.layer.{}.attention.self.key"},
                 {Part::value, "bert.encoder.layer.{}.attention.self.value"},
                 {Part::attention_out, "bert.encoder.layer.{}.attention.output.dense"},
                 {Part::attention_norm, "bert.encoder.layer.{}.attention.output.LayerNorm"},
                 {Part::up, "bert.encoder.layer.{}.intermediate.dense"},
                 {Part::down, "bert.encoder.layer.{}.output.dense"},
                 {Part::output_norm, "bert.encoder.layer.{}.output.LayerNorm"},
                 {Part::dense, "bert.pooler.dense"},
                 {Part::classes, "classifier"},
                 {Part::span, "qa_outputs"}},
       .unused = {"cls."}});  // heads of pre-training
  return family;
}

}  // namespace layersweep::model
