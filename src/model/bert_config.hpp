// The sizes of a BERT with its head, as config.json gives them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/output_kind.hpp"

namespace layersweep::model {

/// In config.json, since Hugging Face's layout does not tell: whether a model of question answering may answer nothing.
inline constexpr const char* may_answer_none_key = "layersweep_may_answer_none";

struct BertConfig {
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t inner = 0;  ///< width of the feed-forward block
  std::int64_t vocabulary = 0;
  std::int64_t positions = 0;  ///< longest text, in tokens
  std::int64_t segments = 2;
  OutputKind output = OutputKind::classes;
  std::int64_t classes = 0;              ///< rows of the head; a span has two, start and end
  std::vector<std::string> class_names;  ///< id2label, empty where the file has none
  bool may_answer_none = false;          ///< of spans: whether "no answer" is one of the answers
  std::int64_t padding_id = 0;
  double norm_epsilon = 1e-12;
  double hidden_dropout = 0.1;
  double attention_dropout = 0.1;
  double classifier_dropout = 0.1;  ///< the hidden dropout where the file has none
  double initial_range = 0.02;      ///< standard deviation of fresh weights
  /// Why the head that the file describes is not computed here, as "key says what"; empty where it is. The rest of the
  /// model can still be used with another head.
  std::string head_refusal;
  std::vector<std::string> unread_keys;  ///< of the file, that play no part here

  std::int64_t head_width() const { return hidden / heads; }
};

/// The keys of config.json that play a part here, are refused unless they have the value that is computed, or are known to
/// change nothing that a frozen model computes from ids. scripts/config_keys.py lists what transformers reads.
std::span<const std::string_view> known_bert_keys();

/// Reads and checks config.json; `classes` is num_labels or the length of id2label, 2 where the file says neither (as
/// Hugging Face has it). `may_answer_none` is our own key layersweep_may_answer_none. The output is a span where
/// `architectures` names BertForQuestionAnswering. A head that is not computed is told, not refused. Throws InputError
/// naming the key when it is no BERT, or a variant whose arithmetic is not ours.
BertConfig read_bert_config(const std::filesystem::path& config_json);

}  // namespace layersweep::model
