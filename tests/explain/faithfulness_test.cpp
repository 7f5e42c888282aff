// Faithfulness and the comparison with a known truth, against numbers worked out by hand.
#include "explain/faithfulness.hpp"

#include <cmath>

#include "explain/support.hpp"

namespace layersweep {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// One point of width 1: the state of a token is its id. Two classes with logits (0, sum of states).
class SumModel final : public model::Model {
 public:
  const std::vector<model::Point>& points() const override { return points_; }
  const model::Head& head() const override { return head_; }
  model::Clean clean(const model::Batch& batch) const override {
    const at::Tensor states = batch.token_ids.to(at::kFloat).unsqueeze(-1) - 5;
    return {{states}, read_out({states, at::arange(batch.size())}, batch)};
  }
  model::Rows advance(int, const model::Rows& rows, const model::Batch&, model::Need) const override { return rows; }
  at::Tensor read_out(const model::Rows& rows, const model::Batch& batch) const override {
    const at::Tensor mask = batch.mask.to(at::kFloat).index_select(0, rows.example);
    const at::Tensor x = (rows.states.squeeze(-1) * mask).sum(1);
    return at::stack({at::zeros_like(x), x}, -1);
  }
  model::Rows narrow_to_read_out(const model::Rows& rows, const model::Batch&) const override { return rows; }
  at::Tensor mask_state() const override { return {}; }

 private:
  std::vector<model::Point> points_{{"sum", 1, 1}};
  model::Head head_{.classes = 2};
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// DeYoung et al. 2020: comprehensiveness m(x)_j − m(x without r)_j, sufficiency m(x)_j − m(r)_j for the predicted class j,
// and r the ⌈share·n⌉ tokens of largest score. The text has states −4 1 2 −1 3, of which the first is special; what stands
// for a dropped token is 0.
TEST(Faithfulness, IsThatOfEraser) {
  test::Frozen frozen{"sum", std::make_shared<SumModel>(),
                      test::batch_of(at::tensor({1, 6, 7, 4, 8}).unsqueeze(0), at::tensor({5}))};
  const test::Scene scene(std::move(frozen));
  explain::Subject subject = scene.subject(0);
  subject.replacement = at::zeros({1});
  const at::Tensor attribution = at::tensor({9.0F, 0.1F, 0.3F, 0.9F, 0.2F}).unsqueeze(0);  // order of text tokens: −1 2 3 1
  const at::Tensor ranked = test::bools({{0, 1, 1, 1, 1}});
  const std::vector<double> shares{0.01, 0.25, 0.5, 1.0};
  const explain::Faithfulness found = explain::measure_faithfulness(subject, attribution, ranked, shares);

  EXPECT_NEAR(found.clean.item<double>(), sigmoid(1), 1e-6);  // the sum is 1: class 1
  const std::vector<double> sum_of_first{-1, -1, 1, 5};
  for (std::size_t s = 0; s < shares.size(); ++s) {
    const auto row = static_cast<std::int64_t>(s);
    EXPECT_NEAR(found.kept[row][0].item<double>(), sigmoid(-4 + sum_of_first[s]), 1e-6) << shares[s];
    EXPECT_NEAR(found.dropped[row][0].item<double>(), sigmoid(1 - sum_of_first[s]), 1e-6) << shares[s];
  }
}

TEST(Faithfulness, TextsWithoutExplanationAreLeftOut) {
  const test::Scene scene(test::needle_model());
  const explain::Subject subject = scene.subject(0);
  at::Tensor attribution = at::rand({subject.texts(), subject.width()});
  attribution[3][0] = nan;
  attribution[1][subject.width() - 1] = nan;  // padding
  const std::vector<double> shares{0.5};
  const explain::Faithfulness found = explain::measure_faithfulness(subject, attribution, subject.batch.mask, shares);
  for (std::int64_t text = 0; text < subject.texts(); ++text) {
    EXPECT_EQ(std::isnan(found.kept[0][text].item<float>()), text == 3);
    EXPECT_EQ(std::isnan(found.dropped[0][text].item<float>()), text == 3);
  }
}

TEST(FirstTokens, TakesTheLargestOfThoseRanked) {
  const at::Tensor attribution = at::tensor({3.0F, 1.0F, 2.0F, 2.0F, 5.0F}).unsqueeze(0);
  const at::Tensor ranked = test::bools({{1, 1, 1, 1, 0}});
  const std::vector<std::int64_t> two{2}, many{9};
  EXPECT_TRUE(explain::first_tokens(attribution, ranked, two).equal(test::bools({{1, 0, 1, 0, 0}})));
  EXPECT_TRUE(explain::first_tokens(attribution, ranked, many).equal(ranked));
}

TEST(TruthMatch, OfWorkedExamples) {
  const std::vector<std::uint8_t> truth{1, 0, 1, 0};
  const explain::TruthMatch exact = explain::match_truth(std::vector<float>{2, 0, -2, 0}, truth);
  EXPECT_NEAR(exact.kl, 0, 1e-12);
  EXPECT_NEAR(exact.js, 0, 1e-12);
  EXPECT_EQ(exact.f1, 1);
  const explain::TruthMatch even = explain::match_truth(std::vector<float>{1, 1, 1, 1}, truth);
  EXPECT_NEAR(even.kl, std::log(2), 1e-12);
  // KL[p ‖ m] = ln(4/3), KL[q ‖ m] = ½·ln(2/3) + ½·ln 2
  EXPECT_NEAR(even.js, (std::log(4.0 / 3) + 0.5 * std::log(2.0 / 3) + 0.5 * std::log(2)) / 2, 1e-12);
  EXPECT_EQ(even.f1, 0.5);
  const explain::TruthMatch hindsight = explain::match_truth(std::vector<float>{1, 0, 0, 0}, truth);
  EXPECT_TRUE(std::isinf(hindsight.kl));
  EXPECT_TRUE(std::isnan(explain::match_truth(std::vector<float>{0, 0, 0, 0}, truth).js));
  EXPECT_TRUE(std::isnan(explain::match_truth(std::vector<float>{1, nan, 0, 0}, truth).js));
}

}  // namespace
}  // namespace layersweep
