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

/// The scripts differ only where nothing is left of an answer after normalisation. evaluate-v1.1.py: F1 is 0 whatever was
/// predicted, though two such answers match exactly. evaluate-v2.0.py: such given answers do not count; where no other is
/// given the question has no answer, and exact match and F1 are 1 when nothing is left of the prediction either, else 0.
enum class SquadScript { v1_1, v2_0 };

/// Each the best over the given answers (at least one).
AnswerScore score_answer(std::string_view predicted, std::span<const std::string> given, SquadScript script);

}  // namespace layersweep::data
