// Answers of a classifier to many texts at once.

#include <ATen/Functions.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/error.hpp"
#include "model/model.hpp"

namespace layersweep::model {
namespace {

// Logits that tell which tokens the encoder was given: their sum, their number, and a constant.
class SummingEncoder : public model::Model {
 public:
  const std::vector<model::Point>& points() const override { return points_; }
  const model::Head& head() const override { return head_; }
  model::Clean clean(const model::Batch& batch) const override {
    largest_batch = std::max(largest_batch, batch.size());
    padded_tokens += batch.size() * batch.width();
    const auto sum = batch.token_ids.mul(batch.mask).sum(1).to(at::kFloat);
    return {{}, at::stack({sum, batch.lengths.to(at::kFloat), at::full_like(sum, 50)}, 1)};
  }
  model::Rows advance(int, const model::Rows&, const model::Batch&, model::Need) const override { unused(); }
  at::Tensor read_out(const model::Rows&, const model::Batch&) const override { unused(); }
  model::Rows narrow_to_read_out(const model::Rows&, const model::Batch&) const override { unused(); }
  at::Tensor mask_state() const override { unused(); }

  mutable std::int64_t largest_batch = 0;
  mutable std::int64_t padded_tokens = 0;

 private:
  [[noreturn]] static void unused() { throw base::InternalError("a prediction needs the clean pass only"); }
  std::vector<model::Point> points_;
  model::Head head_{.classes = 3};
};

data::Example text_of(std::vector<std::int32_t> ids) {
  data::Example text;
  const std::size_t size = ids.size();
  text.token_id = std::move(ids);
  for (auto* column : {&text.segment, &text.word_index, &text.char_start, &text.char_end}) column->assign(size, 0);
  text.part.assign(size, static_cast<std::uint8_t>(terms::TokenPart::text));
  return text;
}

TEST(Classes, AnswersInTheOrderOfTheTextsWithLittlePadding) {
  std::mt19937 random(3);
  std::vector<std::vector<data::Example>> texts;
  std::int64_t tokens = 0;
  for (int i = 0; i < 517; ++i) {
    std::vector<std::int32_t> ids(2 + random() % 60);
    for (auto& id : ids) id = static_cast<std::int32_t>(random() % 9);
    tokens += static_cast<std::int64_t>(ids.size());
    texts.push_back({text_of(ids)});
  }
  const SummingEncoder encoder;
  const auto predictions = classes_output().answers(encoder, texts);
  ASSERT_EQ(predictions.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    float sum = 0;
    for (const auto id : texts[i].front().token_id) sum += static_cast<float>(id);
    const auto length = static_cast<float>(texts[i].front().token_id.size());
    EXPECT_EQ(predictions[i].logits.front().second, (std::vector<float>{sum, length, 50})) << i;
    EXPECT_EQ(predictions[i].value, sum >= length && sum >= 50 ? 0 : length >= 50 ? 1 : 2) << i;
  }
  EXPECT_GT(encoder.largest_batch, 1);
  EXPECT_LT(static_cast<double>(encoder.padded_tokens), 1.1 * static_cast<double>(tokens));  // unsorted: about twice as many
}

TEST(Classes, OfNothingIsNothing) { EXPECT_TRUE(classes_output().answers(SummingEncoder(), {}).empty()); }

}  // namespace
}  // namespace layersweep::model
