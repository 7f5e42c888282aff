// Answers of spans against all pairs of positions, tried one by one.
#include "model/output.hpp"

#include "model/support.hpp"

namespace layersweep {
namespace {

constexpr std::int64_t longest_answer = 30;  // tokens, as run_squad.py has it
constexpr std::int64_t width = 40;

model::Batch questions() {
  model::Batch batch = test::random_batch({40, 12, 7, 40}, 50);
  // The passage begins at token 3 and ends before the last [SEP].
  const at::Tensor place = at::arange(width).unsqueeze(0);
  batch.answerable = place.ge(3).logical_and(place.lt((batch.lengths - 1).unsqueeze(1)));
  batch.answerable[1][0] = true;  // may have no answer
  batch.answerable[2].fill_(false);
  return batch;
}

std::int64_t best_by_trying(const at::Tensor& logits, const at::Tensor& answerable) {
  float best = -std::numeric_limits<float>::infinity();
  std::int64_t answer = 0;
  for (std::int64_t start = 0; start < width; ++start) {
    for (std::int64_t end = start; end < std::min(width, start + longest_answer); ++end) {
      if (!answerable[start].item<bool>() || !answerable[end].item<bool>() || (start == 0 && end > 0)) continue;
      const float score = logits[0][start].item<float>() + logits[1][end].item<float>();
      if (score <= best) continue;
      best = score;
      answer = start * width + end;
    }
  }
  return answer;
}

TEST(Output, ASpanIsTheBestOfAllThatMayBe) {
  at::manual_seed(3);
  const model::Batch batch = questions();
  at::Tensor logits = at::randn({6, batch.size(), 2, width}) * 3;
  // A start with a far end, which is longer than answers are, and one with an end before it.
  logits[0][0][0][3] = 50;
  logits[0][0][1][3 + longest_answer] = 50;
  logits[1][0][0][20] = 50;
  logits[1][0][1][19] = 50;
  logits[2][1][0][0] = logits[2][1][1][0] = 50;
  const at::Tensor found = model::span_output().decided(logits, batch);
  ASSERT_EQ(found.sizes(), (std::vector<std::int64_t>{6, batch.size()}));
  for (std::int64_t copy = 0; copy < 6; ++copy) {
    for (std::int64_t row = 0; row < batch.size(); ++row) {
      EXPECT_EQ(found[copy][row].item<std::int64_t>(), best_by_trying(logits[copy][row], batch.answerable[row]));
    }
  }
  EXPECT_EQ(found[2][1].item<std::int64_t>(), 0);  // no answer
}

TEST(Output, GivenAnswersAndLossOfSpans) {
  model::Batch batch = questions();
  batch.answer = at::tensor({5, 7, -1, -1, 3, 3, 30, 38}, at::kLong).view({4, 2});
  const at::Tensor expected = at::tensor({5 * width + 7, std::int64_t{0}, 3 * width + 3, 30 * width + 38}, at::kLong);
  EXPECT_TRUE(model::span_output().given(batch).equal(expected));
  // Certain of the given answers: no loss. Certain of others: one unit of logit costs one nat.
  at::Tensor logits = at::zeros({4, 2, width});
  for (std::int64_t row = 0; row < 4; ++row) {
    for (std::int64_t side = 0; side < 2; ++side) {
      logits[row][side][std::max<std::int64_t>(0, batch.answer[row][side].item<std::int64_t>())] = 40;
    }
  }
  EXPECT_NEAR(model::span_output().summed_loss(logits, batch).item<double>(), 0, 1e-6);
  EXPECT_NEAR(model::span_output().summed_loss(logits.roll(1, 2), batch).item<double>(), 4 * 40, 1e-3);
}

}  // namespace
}  // namespace layersweep
