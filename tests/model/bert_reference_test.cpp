// BERT against transformers: states at all points and logits, as scripts/make_model_fixtures.py stored them.
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/bert.hpp"
#include "model/open.hpp"
#include "model/output.hpp"
#include "model/support.hpp"

namespace layersweep {
namespace {

using model::Arithmetic;

// fp32 against fp32 in another order of summation, through few layers.
constexpr double tolerance = 1e-5;

class BertReference : public testing::TestWithParam<Arithmetic> {};
INSTANTIATE_TEST_SUITE_P(Arithmetics, BertReference, testing::Values(Arithmetic::fast, Arithmetic::plain),
                         [](const auto& instance) { return instance.param == Arithmetic::fast ? "fast" : "plain"; });

TEST_P(BertReference, TinyModelEqualsTransformers) {
  model::TransformerModel model = test::read_bert(test::encoder_fixtures() / "tiny-bert");
  const auto bert = model::make_transformer(model.spec, model.weights, 4, GetParam());
  const auto file = tensors::SafetensorsFile::open(test::encoder_fixtures() / "tiny-bert.safetensors");
  model::Batch batch = test::batch_of(test::tensor_of(file, "token_ids"), test::tensor_of(file, "lengths"));
  batch.segments = test::tensor_of(file, "segments");

  const model::Clean clean = bert->clean(batch);
  ASSERT_EQ(clean.states.size(), 4u);
  ASSERT_EQ(bert->points().size(), 4u);
  const at::Tensor tokens = batch.mask.unsqueeze(2);  // states of padding are nobody's business
  for (int point = 0; point < 4; ++point) {
    const at::Tensor expected = test::tensor_of(file, "states." + std::to_string(point));
    EXPECT_LT(test::relative_difference(clean.states[point] * tokens, expected * tokens), tolerance) << "point " << point;
  }
  EXPECT_LT(test::relative_difference(clean.logits, test::tensor_of(file, "logits")), tolerance);
  EXPECT_TRUE(bert->mask_state().equal(model.weights.word[4]));
}

TEST_P(BertReference, TinyQuestionAnsweringModelEqualsTransformers) {
  model::TransformerModel model = test::read_bert(test::encoder_fixtures() / "tiny-qa");
  const auto bert = model::make_transformer(model.spec, model.weights, 4, GetParam());
  EXPECT_EQ(bert->head().output, terms::OutputKind::span);
  const auto file = tensors::SafetensorsFile::open(test::encoder_fixtures() / "tiny-qa.safetensors");
  model::Batch batch = test::batch_of(test::tensor_of(file, "token_ids"), test::tensor_of(file, "lengths"));
  batch.segments = test::tensor_of(file, "segments");
  const at::Tensor expected = test::tensor_of(file, "logits");  // B x 2 x T
  const at::Tensor tokens = batch.mask.unsqueeze(1);

  const model::Clean clean = bert->clean(batch);
  EXPECT_LT(test::relative_difference(clean.logits * tokens, expected * tokens), tolerance);
  EXPECT_EQ((clean.logits * tokens.logical_not()).max().item<float>(), 0);
  EXPECT_TRUE(clean.logits.eq(model::beyond_text).eq(tokens.logical_not().expand_as(clean.logits)).all().item<bool>());

  // The same a point at a time, the last with all tokens whatever is asked for.
  model::Rows rows{clean.states[0], at::arange(batch.size())};
  for (int point = 0; point < 3; ++point) rows = bert->advance(point, rows, batch, model::Need::read_out);
  rows = bert->narrow_to_read_out(rows, batch);
  EXPECT_TRUE(bert->read_out(rows, batch).equal(clean.logits));
}

TEST_P(BertReference, RealEncoderEqualsTransformers) {
  const auto folder = test::encoders_dir() / "minilm-l6";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no encoder in " << folder;
  std::ifstream stream(test::encoder_fixtures() / "minilm-l6.json");
  const auto expected = nlohmann::json::parse(stream);

  // The head by the script's formula.
  model::TransformerModel model = test::read_bert_body(folder, {.classes = 5}, 0);
  const at::Tensor number = at::arange(5 * model.spec.hidden, at::kDouble);
  model.weights.classifier.weight.copy_((number + 1).sin().view({5, model.spec.hidden}) * 0.1);
  model.weights.classifier.bias.copy_(at::arange(5, at::kDouble).cos());
  const auto bert = model::make_transformer(model.spec, model.weights, 103, GetParam());

  const auto ids = expected["ids"].get<std::vector<std::vector<std::int64_t>>>();
  std::vector<std::int64_t> lengths;
  for (const auto& row : ids) lengths.push_back(static_cast<std::int64_t>(row.size()));
  model::Batch batch = test::random_batch(lengths, 2);
  batch.segments.zero_();
  for (std::size_t row = 0; row < ids.size(); ++row) {
    batch.token_ids[row].narrow(0, 0, lengths[row]).copy_(at::tensor(ids[row]));
  }
  const model::Clean clean = bert->clean(batch);
  for (const auto& sample : expected["samples"]) {
    const int point = sample["point"];
    const at::Tensor state = clean.states[point][sample["row"].get<int>()][sample["token"].get<int>()];
    const at::Tensor every = state.slice(0, 0, std::nullopt, expected["every"].get<std::int64_t>());
    const at::Tensor values = at::tensor(sample["values"].get<std::vector<double>>());
    // Against the largest entry of all the states at this point, as the samples are few.
    EXPECT_LT((every - values).abs().max().item<double>(), tolerance * clean.states[point].abs().max().item<double>())
        << sample;
  }
  for (std::size_t row = 0; row < ids.size(); ++row) {
    const at::Tensor logits = at::tensor(expected["logits"][row].get<std::vector<double>>());
    EXPECT_LT(test::relative_difference(clean.logits[row], logits), tolerance);
  }
}

TEST(OpenEncoder, OpensAClassifierWithItsMaskToken) {
  const auto bert = model::open_model(test::encoder_fixtures() / "tiny-bert");
  EXPECT_EQ(bert->head().classes, 3);
  EXPECT_EQ(bert->mask_state().numel(), 32);
}

}  // namespace
}  // namespace layersweep
