// DistilBERT (Sanh et al. 2019): a BERT of half the layers, without segments and pooler.
#include "model/families/families.hpp"
#include "model/transformer/config.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

constexpr std::string_view keys[] = {"n_layers", "dim", "n_heads", "hidden_dim", "vocab_size", "max_position_embeddings",
                                     "dropout", "attention_dropout", "seq_classif_dropout", "qa_dropout",
                                     "initializer_range", "activation",
                                     // other names of sizes, refused unless they agree
                                     "hidden_size", "num_attention_heads", "num_hidden_layers",
                                     // the table of positions is stored in any case
                                     "sinusoidal_pos_embds"};

TransformerSpec read(const ConfigFile& config) {
  TransformerSpec spec;
  spec.layers = config.size("n_layers");
  spec.hidden = config.size("dim");
  spec.heads = config.size("n_heads");
  spec.inner = config.size("hidden_dim");
  spec.vocabulary = config.size("vocab_size");
  spec.positions = config.size("max_position_embeddings");
  config.expect("num_hidden_layers", spec.layers);
  config.expect("hidden_size", spec.hidden);
  config.expect("num_attention_heads", spec.heads);
  spec.activation = activation_of(config, "activation", "gelu");
  spec.segments = 0;
  spec.norm_epsilon = 1e-12;  // a constant of the model's code
  spec.head_activation = Activation::relu;
  spec.hidden_dropout = config.number_or("dropout", 0.1, 0, 1);
  spec.attention_dropout = config.number_or("attention_dropout", 0.1, 0, 1);
  spec.head_dropout = config.number_or("seq_classif_dropout", 0.2, 0, 1);
  spec.initial_range = config.number_or("initializer_range", 0.02, 0, 10);
  return spec;
}

}  // namespace

const Family& distilbert_family() {
  static const TransformerFamily family(
      {.model_type = "distilbert",
       .classifier = "DistilBertForSequenceClassification",
       .span_answerer = "DistilBertForQuestionAnswering",
       .read = read,
       .keys = {std::begin(keys), std::end(keys)},
       .prefix = "distilbert.",
       .names = {{Part::word, "distilbert.embeddings.word_embeddings"},
                 {Part::position, "distilbert.embeddings.position_embeddings"},
                 {Part::embedding_norm, "distilbert.embeddings.LayerNorm"},
                 {Part::query, "distilbert.transformer.layer.{}.attention.q_lin"},
                 {Part::key, "distilbert.transformer.layer.{}.attention.k_lin"},
                 {Part::value, "distilbert.transformer.layer.{}.attention.v_lin"},
                 {Part::attention_out, "distilbert.transformer.layer.{}.attention.out_lin"},
                 {Part::attention_norm, "distilbert.transformer.layer.{}.sa_layer_norm"},
                 {Part::up, "distilbert.transformer.layer.{}.ffn.lin1"},
                 {Part::down, "distilbert.transformer.layer.{}.ffn.lin2"},
                 {Part::output_norm, "distilbert.transformer.layer.{}.output_layer_norm"},
                 {Part::dense, "pre_classifier"},
                 {Part::classes, "classifier"},
                 {Part::span, "qa_outputs"}},
       .unused = {"vocab_transform.", "vocab_layer_norm.", "vocab_projector."}});
  return family;
}

}  // namespace layersweep::model
