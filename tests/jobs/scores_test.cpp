// What is computed from figures of texts: scores of questions in several windows, means, the seed that stands for a point.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>

#include "base/error.hpp"
#include "jobs/explaining/best_answer.hpp"
#include "jobs/merge/explanation_fit.hpp"
#include "jobs/merge/partial_mean.hpp"
#include "jobs/steps/question_scores.hpp"
#include "jobs/text_mean.hpp"
#include "model/model.hpp"

namespace layersweep::jobs {
namespace {

using testing::ElementsAre;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

// One question in three windows, one in a single window.
QuestionScores four_windows() {
  QuestionScores scores(5);
  scores.add(1, {.logits = 2, .score = {false, 0.25}, .none = 9, .score_of_none = {true, 1}});
  scores.add(2, {.logits = 5, .score = {true, 1}, .none = 4, .score_of_none = {false, 0}});
  scores.add(3, {.logits = 5, .score = {false, 0.5}, .none = 8, .score_of_none = {false, 0}});
  scores.add(4, {.logits = 1, .score = {false, 0.5}, .none = 3, .score_of_none = {true, 1}});
  return scores;
}

TEST(QuestionScores, TakeTheWindowWithTheLargestSumTheFirstOfEquals) {
  const auto means = four_windows().means(1, {7, 7, 7});
  EXPECT_EQ(means.questions, 1);
  EXPECT_EQ(means.exact_match, 1);  // window 2: "no answer" would need more than 5 in every window, and has 4 there
  EXPECT_EQ(means.f1, 1);
}

TEST(QuestionScores, SayNoneWhereItsSumIsLargerInEveryWindow) {
  const auto means = four_windows().means(4, {8});
  EXPECT_EQ(means.exact_match, 1);
  EXPECT_EQ(means.f1, 1);
}

TEST(QuestionScores, AreMeansOverQuestionsNotWindows) {
  const auto both = four_windows().means(1, {7, 7, 7, 8});
  EXPECT_EQ(both.questions, 2);
  EXPECT_EQ(both.exact_match, 1);
  QuestionScores scores(3);
  scores.add(0, {.logits = 1, .score = {true, 1}, .none = -1e30, .score_of_none = {}});
  scores.add(1, {.logits = 1, .score = {false, 0.5}, .none = -1e30, .score_of_none = {}});
  scores.add(2, {.logits = 2, .score = {false, 0.25}, .none = -1e30, .score_of_none = {}});
  const auto means = scores.means(0, {0, 1, 1});
  EXPECT_EQ(means.exact_match, 0.5);
  EXPECT_EQ(means.f1, (1 + 0.25) / 2);
  EXPECT_EQ(scores.means(0, {}).questions, 0);
}

TEST(TextMean, IsOverWhatIsThere) {
  TextMean mean;
  EXPECT_TRUE(std::isnan(mean.value()));
  for (const double value : {1.0, std::nan(""), 4.0}) mean.add(value);
  EXPECT_EQ(mean.value(), 2.5F);
  mean.add(std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isinf(mean.value()));
}

TEST(TextMean, AreasAreMeansOverShares) {
  std::vector<TextMean> means(4);
  for (int m = 0; m < 4; ++m) means[static_cast<std::size_t>(m)].add(m * m);
  EXPECT_THAT(areas_of(means, 2), ElementsAre(0.5F, 6.5F));
  EXPECT_THAT(values_of(means), ElementsAre(0, 1, 4, 9));
}

TEST(MeanOfParts, IsThatOfAllTextsTogether) {
  // Three splits: the first part has two of them, the second the third.
  const std::vector<PartialMean> parts{{2, {10, 5, 0}}, {5, {0, 0, 15}}};
  EXPECT_FLOAT_EQ(mean_of_parts(parts), (2 * 15 + 5 * 15) / 30.0F);
  // Of several that hold a split the first counts, once.
  const std::vector<PartialMean> twice{{2, {10, 0}}, {2, {10, 0}}, {8, {0, 5}}};
  EXPECT_FLOAT_EQ(mean_of_parts(twice), (2 * 10 + 8 * 5) / 15.0F);
}

TEST(MeanOfParts, IsMissingWhereNoPartsMakeTheWhole) {
  EXPECT_TRUE(std::isnan(mean_of_parts({})));
  const std::vector<PartialMean> overlapping{{2, {10, 5}}, {3, {0, 5}}, {missing, {10, 0}}};
  EXPECT_FLOAT_EQ(mean_of_parts(overlapping), 2);  // the first alone is the whole
  const std::vector<PartialMean> unknown{{missing, {10, 0}}, {3, {0, 5}}};
  EXPECT_TRUE(std::isnan(mean_of_parts(unknown)));
}

TEST(StandingSeeds, AreTheChosenOnesElseTheFirst) {
  EXPECT_THAT(standing_seeds({11, 5, 7}, {2, -1, 1}), ElementsAre(7, 11, 5));
}

// The logits of start and end are the token ids: only what a test writes there decides.
class LogitsFromIds final : public model::Model {
 public:
  const std::vector<model::Point>& points() const override { return points_; }
  model::OutputKind output() const override { return model::OutputKind::span; }
  std::int64_t classes() const override { return 0; }
  model::Clean clean(const model::Batch& batch) const override {
    const at::Tensor start = batch.token_ids.to(at::kFloat);
    return {{}, at::stack({start, start}, 1)};
  }
  model::Rows advance(int, const model::Rows&, const model::Batch&, model::Need) const override { unused(); }
  at::Tensor read_out(const model::Rows&, const model::Batch&) const override { unused(); }
  model::Rows narrow_to_read_out(const model::Rows&, const model::Batch&) const override { unused(); }
  at::Tensor mask_state() const override { unused(); }

 private:
  [[noreturn]] static void unused() { throw base::InternalError("an answer needs the clean pass only"); }
  std::vector<model::Point> points_;
};

// [CLS], a question of one token, [SEP], a passage of single letters, [SEP]; the ids are the logits.
data::Example window(std::vector<std::int32_t> passage, std::int32_t none, bool may_be_none) {
  data::Example example;
  const std::size_t size = passage.size() + 4;
  example.token_id = {none, 90, 90};
  example.token_id.insert(example.token_id.end(), passage.begin(), passage.end());
  example.token_id.push_back(90);
  example.segment.assign(size, 0);
  example.part.assign(size, static_cast<std::uint8_t>(terms::TokenPart::passage));
  example.word_index.assign(size, 0);
  example.answerable.assign(size, 0);
  example.char_start.assign(size, -1);
  example.char_end.assign(size, -1);
  for (std::size_t letter = 0; letter < passage.size(); ++letter) {
    example.answerable[3 + letter] = 1;
    example.char_start[3 + letter] = static_cast<std::int32_t>(letter);
    example.char_end[3 + letter] = static_cast<std::int32_t>(letter) + 1;
  }
  example.answerable[0] = may_be_none ? 1 : 0;
  example.answer = {-1, -1};
  example.second_text = std::make_shared<const std::string>("abcdef");
  return example;
}

TEST(BestAnswer, IsThatOfTheWindowWithTheLargestSum) {
  const auto answer = best_answer(LogitsFromIds(), {window({1, 5, 2}, 99, false), window({1, 3, 7}, 99, false)});
  EXPECT_EQ(answer.window, 1U);
  EXPECT_EQ(answer.start, 5);
  EXPECT_EQ(answer.end, 5);
  EXPECT_EQ(answer.text, "c");
  EXPECT_THAT(answer.start_logits, ElementsAre(99, 90, 90, 1, 3, 7, 90));
}

TEST(BestAnswer, OfEqualsIsThatOfTheFirstWindow) {
  EXPECT_EQ(best_answer(LogitsFromIds(), {window({1, 5}, 0, false), window({5, 1}, 0, false)}).window, 0U);
}

TEST(BestAnswer, IsNoneOnlyWhereEveryWindowSaysSo) {
  const auto none = best_answer(LogitsFromIds(), {window({1, 5}, 9, true), window({1, 3}, 6, true)});
  EXPECT_EQ(none.text, "");
  EXPECT_EQ(none.start, 0);
  EXPECT_EQ(none.window, 1U);  // the one with the smallest sum for it
  EXPECT_EQ(best_answer(LogitsFromIds(), {window({1, 5}, 9, true), window({1, 3}, 4, true)}).text, "b");
  EXPECT_EQ(best_answer(LogitsFromIds(), {window({1, 5}, 9, true), window({1, 3}, 6, false)}).text, "b");
}

}  // namespace
}  // namespace layersweep::jobs
