// Exact match and F1 of answers as the official scripts of SQuAD have them: evaluate-v1.1.py (Rajpurkar et al. 2016), and
// for questions without an answer evaluate-v2.0.py.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace layersweep::data {

/// Lower case, without ASCII punctuation, without the words a, an and the, words parted by single spaces; normalize_answer
/// of the official scripts, but that Σ at a word's end becomes σ.
std::string normalised_answer(std::string_view text);

struct AnswerScore {
  bool exact_match = false;
  double f1 = 0;  ///< of the bags of words
};

/// Each the best over the given answers. An empty one says that there is no answer: then only an empty prediction is right.
AnswerScore score_answer(std::string_view predicted, std::span<const std::string> given);

}  // namespace layersweep::data
