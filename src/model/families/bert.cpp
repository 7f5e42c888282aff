// BERT (Devlin et al. 2019): the encoder of the paper.
#include "model/families/bert_like.hpp"
#include "model/families/families.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {

const Family& bert_family() {
  static const TransformerFamily family(
      {.model_type = "bert",
       .classifier = "BertForSequenceClassification",
       .span_answerer = "BertForQuestionAnswering",
       .read = read_bert_like,
       // The pooler of another program.
       .keys = bert_like_keys({"directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers",
                               "pooler_size_per_head", "pooler_type"}),
       .prefix = "bert.",
       .names = bert_like_names(
           "bert.", {{Part::dense, "bert.pooler.dense"}, {Part::classes, "classifier"}, {Part::span, "qa_outputs"}}),
       .unused = {"cls."}});  // heads of pre-training
  return family;
}

}  // namespace layersweep::model
