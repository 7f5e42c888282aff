// Erasure against plain loops that drop tokens one row at a time.
#include "explain/methods.hpp"

#include <algorithm>

#include "explain/support.hpp"

namespace layersweep {
namespace {

using explain::Subject;

// fp32 sums in another order.
constexpr double tolerance = 1e-5;

class Erasure : public testing::TestWithParam<std::tuple<std::string, int>> {
 protected:
  void SetUp() override {
    at::manual_seed(11);
    const bool bert = std::get<0>(GetParam()) == "bert";
    scene_ = std::make_unique<test::Scene>(bert ? test::tiny_bert() : test::counting_model());
    point_ = std::get<1>(GetParam());
  }

  // KL[clean ‖ without the tokens that are not in `kept`], by a pass of this text alone.
  double divergence(std::int64_t text, const std::vector<bool>& kept) const {
    const test::Scene one = scene_->only(text);
    at::Tensor gates = at::zeros({1, scene_->length(text)}, at::kFloat);
    for (std::size_t token = 0; token < kept.size(); ++token)
      gates[0][static_cast<std::int64_t>(token)] = kept[token] ? 1 : 0;
    const at::Tensor masked =
        test::plain_pass(one.frozen, one.clean, point_, gates, scene_->subject(point_).replacement).to(at::kDouble);
    const at::Tensor clean = one.clean.logits.to(at::kDouble);
    const at::Tensor p = at::softmax(clean, -1);
    return (p * (at::log_softmax(clean, -1) - at::log_softmax(masked, -1))).sum().item<double>();
  }

  std::unique_ptr<test::Scene> scene_;
  int point_ = 0;
};

TEST_P(Erasure, LeaveOneOutDropsEachTokenAlone) {
  const at::Tensor found = explain::leave_one_out(scene_->subject(point_), {});
  for (std::int64_t text = 0; text < found.size(0); ++text) {
    for (std::int64_t token = 0; token < scene_->length(text); ++token) {
      std::vector<bool> kept(static_cast<std::size_t>(scene_->length(text)), true);
      kept[static_cast<std::size_t>(token)] = false;
      EXPECT_NEAR(found[text][token].item<double>(), divergence(text, kept), tolerance);
    }
  }
}

TEST_P(Erasure, ExactSearchEqualsBruteForce) {
  const Subject subject = scene_->subject(point_);
  const at::Tensor found = explain::exact_erasure(subject, {});
  for (std::int64_t text = 0; text < found.size(0); ++text) {
    const auto length = static_cast<std::size_t>(scene_->length(text));
    std::size_t smallest = length + 1;
    std::vector<double> holds(length, 0.0);
    double sets = 0;
    for (std::uint32_t bits = 0; bits < (1U << length); ++bits) {
      std::vector<bool> kept(length);
      for (std::size_t token = 0; token < length; ++token) kept[token] = ((bits >> token) & 1U) != 0;
      const auto size = static_cast<std::size_t>(std::ranges::count(kept, true));
      if (size > smallest || (size < length && divergence(text, kept) > subject.epsilon)) continue;
      if (size < smallest) {
        smallest = size;
        sets = 0;
        holds.assign(length, 0.0);
      }
      sets += 1;
      for (std::size_t token = 0; token < length; ++token) holds[token] += kept[token] ? 1.0 : 0.0;
    }
    for (std::size_t token = 0; token < length; ++token) {
      EXPECT_NEAR(found[text][static_cast<std::int64_t>(token)].item<double>(), holds[token] / sets, 1e-6)
          << "text " << text << ", token " << token;
    }
  }
}

TEST_P(Erasure, GreedySearchDropsWhatHurtsLeast) {
  const at::Tensor found = explain::greedy_erasure(scene_->subject(point_), {});
  for (std::int64_t text = 0; text < found.size(0); ++text) {
    std::vector<bool> kept(static_cast<std::size_t>(scene_->length(text)), true);
    double reached = 0;
    for (std::size_t round = 0; round < kept.size(); ++round) {
      std::size_t dropped = kept.size();
      double least = 0;
      for (std::size_t token = 0; token < kept.size(); ++token) {
        if (!kept[token]) continue;
        std::vector<bool> without = kept;
        without[token] = false;
        const double value = divergence(text, without);
        if (dropped < kept.size() && value >= least) continue;
        dropped = token;
        least = value;
      }
      kept[dropped] = false;
      reached = std::max(reached, least);
      EXPECT_NEAR(found[text][static_cast<std::int64_t>(dropped)].item<double>(), reached, tolerance) << "text " << text;
    }
  }
}

TEST(ErasureLimits, LongTextsAreNotSearchedExactly) {
  at::manual_seed(3);
  test::Frozen frozen = test::tiny_bert();
  frozen.batch = test::random_batch({explain::most_tokens_erased_exactly + 1, 2}, 60);
  const test::Scene scene(std::move(frozen));
  const at::Tensor found = explain::exact_erasure(scene.subject(3), {});
  EXPECT_TRUE(found[0].isnan().all().item<bool>());
  EXPECT_FALSE(found[1].narrow(0, 0, 2).isnan().any().item<bool>());
}

INSTANTIATE_TEST_SUITE_P(Models, Erasure,
                         testing::Values(std::tuple{"bert", 1}, std::tuple{"bert", 3}, std::tuple{"counting", 0},
                                         std::tuple{"counting", 1}),
                         [](const auto& test) { return std::get<0>(test.param) + std::to_string(std::get<1>(test.param)); });

}  // namespace
}  // namespace layersweep
