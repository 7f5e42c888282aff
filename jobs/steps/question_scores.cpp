#include "jobs/steps/question_scores.hpp"

#include <algorithm>

namespace layersweep::jobs {

void QuestionScores::add(std::int64_t example, const WindowAnswer& answer) {
  const std::vector<double> values{answer.logits, answer.score.exact_match ? 1.0 : 0.0,         answer.score.f1,
                                   answer.none,   answer.score_of_none.exact_match ? 1.0 : 0.0, answer.score_of_none.f1};
  std::ranges::copy(values, cells_.begin() + example * values_per_example);
}

QuestionScores::Means QuestionScores::means(std::int64_t first, const std::vector<std::int32_t>& numbers) const {
  Means means;
  for (std::size_t begin = 0; begin < numbers.size();) {
    std::size_t end = begin + 1;
    while (end < numbers.size() && numbers[end] == numbers[begin]) ++end;
    const auto values = [&](std::size_t window) {
      return cells_.begin() + (first + static_cast<std::int64_t>(window)) * values_per_example;
    };
    auto best = values(begin);
    double none = best[3];
    for (std::size_t window = begin + 1; window < end; ++window) {
      if (values(window)[0] > best[0]) best = values(window);
      none = std::min(none, values(window)[3]);
    }
    const std::int64_t from = none > best[0] ? 4 : 1;
    means.exact_match += best[from];
    means.f1 += best[from + 1];
    ++means.questions;
    begin = end;
  }
  const auto questions = static_cast<double>(std::max<std::int64_t>(1, means.questions));
  means.exact_match /= questions;
  means.f1 /= questions;
  return means;
}

}  // namespace layersweep::jobs
