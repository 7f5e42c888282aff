// RoBERTa (Liu et al. 2019) and what has its layout: CamemBERT (Martin et al. 2020), XLM-RoBERTa (Conneau et al. 2020). A
// BERT whose positions are counted from behind the row of the padding token, without segments, and with a head of its own.
#include <fmt/format.h>

#include "model/families/bert_like.hpp"
#include "model/families/families.hpp"
#include "model/transformer/config.hpp"
#include "model/transformer/family.hpp"

namespace layersweep::model {
namespace {

TransformerSpec read_roberta(const ConfigFile& config) {
  TransformerSpec spec = read_bert_like(config);
  spec.padding = padding_of(config, 1);
  spec.first_position = spec.padding + 1;
  if (spec.padding < 0 || spec.first_position >= spec.positions) {
    config.refuse("pad_token_id", fmt::format("is {}, and leaves no positions", spec.padding));
  }
  spec.positions -= spec.first_position;
  return spec;
}

TransformerFiles files(std::string_view model_type, std::string_view classifier, std::string_view span_answerer) {
  return {.model_type = model_type,
          .classifier = classifier,
          .span_answerer = span_answerer,
          .read = read_roberta,
          .keys = bert_like_keys(),
          .prefix = "roberta.",
          .names = bert_like_names(
              "roberta.",
              {{Part::dense, "classifier.dense"}, {Part::classes, "classifier.out_proj"}, {Part::span, "qa_outputs"}}),
          // Heads of pre-training, and a pooler that no head here reads.
          .unused = {"lm_head.", "roberta.pooler.", "pooler."}};
}

}  // namespace

const Family& roberta_family() {
  static const TransformerFamily family(files("roberta", "RobertaForSequenceClassification", "RobertaForQuestionAnswering"));
  return family;
}

const Family& camembert_family() {
  static const TransformerFamily family(
      files("camembert", "CamembertForSequenceClassification", "CamembertForQuestionAnswering"));
  return family;
}

const Family& xlm_roberta_family() {
  static const TransformerFamily family(
      files("xlm-roberta", "XLMRobertaForSequenceClassification", "XLMRobertaForQuestionAnswering"));
  return family;
}

}  // namespace layersweep::model
