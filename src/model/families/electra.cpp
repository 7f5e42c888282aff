// ELECTRA (Clark et al. 2020): a BERT whose word embeddings may be narrower than its states.
#include "model/families/bert_like.hpp"
#include "model/families/families.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

TransformerSpec read(const ConfigFile& config) {
  TransformerSpec spec = read_bert_like(config);
  spec.word_width = config.size_or("embedding_size", 128);
  spec.embedding_map = spec.word_width != spec.hidden;
  spec.head_activation = Activation::gelu;
  return spec;
}

}  // namespace

const Family& electra_family() {
  static const TransformerFamily family(
      {.model_type = "electra",
       .classifier = "ElectraForSequenceClassification",
       .span_answerer = "ElectraForQuestionAnswering",
       .read = read,
       // The summary is that of a head for choices.
       .keys = bert_like_keys({"embedding_size", "summary_activation", "summary_last_dropout", "summary_type",
                               "summary_use_proj", "summary_first_dropout", "summary_proj_to_labels"}),
       .prefix = "electra.",
       .names = bert_like_names("electra.", {{Part::embedding_map, "electra.embeddings_project"},
                                             {Part::dense, "classifier.dense"},
                                             {Part::classes, "classifier.out_proj"},
                                             {Part::span, "qa_outputs"}}),
       .unused = {"discriminator_predictions.", "generator_predictions.", "generator_lm_head."}});
  return family;
}

}  // namespace layersweep::model
