// Exact match and F1 over questions, whose passages may lie in several windows and with several ranks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "data/squad_score.hpp"

namespace layersweep::jobs {

/// What a window says of its question.
struct WindowAnswer {
  double logits = 0;        ///< of start and end of its best answer, added up
  data::AnswerScore score;  ///< of that answer
  double none = 0;          ///< the same sum for "no answer"
  data::AnswerScore score_of_none;
};

/// Means over questions. As in Hugging Face's run_qa.py a question's answer is that of the window with the largest sum of
/// logits; "no answer", where it is possible, if its sum is larger in every window.
class QuestionScores {
 public:
  /// For examples of a results file, numbered from 0.
  explicit QuestionScores(std::int64_t examples) : cells_(static_cast<std::size_t>(examples * values_per_example)) {}

  void add(std::int64_t example, const WindowAnswer& answer);

  struct Means {
    double exact_match = 0;
    double f1 = 0;
    std::int64_t questions = 0;
  };
  /// Over the examples [first, first + numbers.size()), one per window, with their numbers of questions; only after sum().
  Means means(std::int64_t first, const std::vector<std::int32_t>& numbers) const;

  /// Joins what the ranks added. Collective.
  void sum(const comm::Communicator& ranks) { ranks.all_reduce_sum(std::span<double>(cells_)); }

 private:
  static constexpr std::int64_t values_per_example = 6;
  std::vector<double> cells_;  // what nobody added is 0, so that ranks add up
};

}  // namespace layersweep::jobs
