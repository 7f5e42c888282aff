// What is computed from figures of texts: scores of questions in several windows, means, the seed that stands for a point.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <memory>

#include "base/error.hpp"
#include "jobs/merge/explanation_fit.hpp"
#include "jobs/merge/partial_mean.hpp"
#include "jobs/text_mean.hpp"
#include "model/model.hpp"

namespace layersweep::jobs {
namespace {

using testing::ElementsAre;

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

// Of a window: logits of the best answer added up, its exact match and F1; the same of "no answer".
using Evidence = std::vector<double>;

std::string scores(std::initializer_list<Evidence> windows, const std::vector<std::int32_t>& questions) {
  Evidence all;
  for (const Evidence& window : windows) all.insert(all.end(), window.begin(), window.end());
  return model::span_output().scores_text(all, questions);
}

const Evidence first{2, 0, 0.25, 9, 1, 1}, second{5, 1, 1, 4, 0, 0}, third{5, 0, 0.5, 8, 0, 0}, alone{1, 0, 0.5, 3, 1, 1};

TEST(QuestionScores, TakeTheWindowWithTheLargestSumTheFirstOfEquals) {
  // The second: "no answer" would need more than 5 in every window, and has 4 there.
  EXPECT_EQ(scores({first, second, third}, {7, 7, 7}), "exact match 100.00 %, F1 100.00 % over 1 questions");
}

TEST(QuestionScores, SayNoneWhereItsSumIsLargerInEveryWindow) {
  EXPECT_EQ(scores({alone}, {8}), "exact match 100.00 %, F1 100.00 % over 1 questions");
}

TEST(QuestionScores, AreMeansOverQuestionsNotWindows) {
  EXPECT_EQ(scores({first, second, third, alone}, {7, 7, 7, 8}), "exact match 100.00 %, F1 100.00 % over 2 questions");
  EXPECT_EQ(scores({{1, 1, 1, -1e30, 0, 0}, {1, 0, 0.5, -1e30, 0, 0}, {2, 0, 0.25, -1e30, 0, 0}}, {0, 1, 1}),
            "exact match 50.00 %, F1 62.50 % over 2 questions");
  EXPECT_EQ(scores({}, {}), "exact match 0.00 %, F1 0.00 % over 0 questions");
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
  EXPECT_THAT(explained_seeds({11, 5, 7}, {2, -1, 1}), ElementsAre(7, 11, 5));
}

// The logits of start and end are the token ids: only what a test writes there decides.
class LogitsFromIds final : public model::Model {
 public:
  const std::vector<model::Point>& points() const override { return points_; }
  const model::Head& head() const override { return head_; }
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
  model::Head head_{.output = terms::OutputKind::span};
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

model::Answer best_answer(const model::Model& model, const std::vector<data::Example>& windows) {
  return model.output().answers(model, {&windows, 1}).front();
}

TEST(BestAnswer, IsThatOfTheWindowWithTheLargestSum) {
  const auto answer = best_answer(LogitsFromIds(), {window({1, 5, 2}, 99, false), window({1, 3, 7}, 99, false)});
  EXPECT_EQ(answer.window, 1U);
  EXPECT_EQ(answer.span->first, 5);
  EXPECT_EQ(answer.span->last, 5);
  EXPECT_EQ(answer.span->text, "c");
  EXPECT_THAT(answer.logits.front().second, ElementsAre(99, 90, 90, 1, 3, 7, 90));
}

TEST(BestAnswer, OfEqualsIsThatOfTheFirstWindow) {
  EXPECT_EQ(best_answer(LogitsFromIds(), {window({1, 5}, 0, false), window({5, 1}, 0, false)}).window, 0U);
}

TEST(BestAnswer, IsNoneOnlyWhereEveryWindowSaysSo) {
  const auto none = best_answer(LogitsFromIds(), {window({1, 5}, 9, true), window({1, 3}, 6, true)});
  EXPECT_EQ(none.span->text, "");
  EXPECT_EQ(none.span->first, 0);
  EXPECT_EQ(none.window, 1U);  // the one with the smallest sum for it
  EXPECT_EQ(best_answer(LogitsFromIds(), {window({1, 5}, 9, true), window({1, 3}, 4, true)}).span->text, "b");
  EXPECT_EQ(best_answer(LogitsFromIds(), {window({1, 5}, 9, true), window({1, 3}, 6, false)}).span->text, "b");
}

}  // namespace
}  // namespace layersweep::jobs
