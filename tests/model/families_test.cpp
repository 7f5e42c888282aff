// Families of transformers against transformers: states at all points and logits, as scripts/make_model_fixtures.py stored
// them; and what a family's list must hold.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "model/bert.hpp"
#include "model/open.hpp"
#include "model/support.hpp"

namespace layersweep {
namespace {

// fp32 against fp32 in another order of summation, through two layers.
constexpr double tolerance = 1e-5;

class Reference : public testing::TestWithParam<std::tuple<const char*, model::Arithmetic>> {
 protected:
  Reference()
      : folder_(test::encoder_fixtures() / std::get<0>(GetParam())),
        file_(tensors::SafetensorsFile::open(folder_.string() + ".safetensors")),
        model_(model::open_model(folder_, {.arithmetic = std::get<1>(GetParam())})),
        batch_(test::batch_of(test::tensor_of(file_, "token_ids"), test::tensor_of(file_, "lengths"))),
        all_(at::arange(batch_.size())) {}

  // Where texts are; what stands beyond their ends is of no account.
  double difference(const at::Tensor& states, const at::Tensor& expected) const {
    const at::Tensor tokens = batch_.mask.unsqueeze(2);
    return test::relative_difference(states * tokens, expected * tokens);
  }
  at::Tensor expected_logits() const {
    const at::Tensor logits = test::tensor_of(file_, "logits");
    return logits.dim() == 2 ? logits : logits.masked_fill(batch_.mask.logical_not().unsqueeze(1), model::beyond_text);
  }

  std::filesystem::path folder_;
  tensors::SafetensorsFile file_;
  std::unique_ptr<model::Model> model_;
  model::Batch batch_;
  at::Tensor all_;
};

INSTANTIATE_TEST_SUITE_P(Tiny, Reference,
                         testing::Combine(testing::Values("tiny-distilbert", "tiny-distilbert-qa", "tiny-llama"),
                                          testing::Values(model::Arithmetic::fast, model::Arithmetic::plain)));

TEST_P(Reference, StatesAndLogitsAreThoseOfTransformers) {
  const model::Clean clean = model_->clean(batch_);
  ASSERT_EQ(clean.states.size(), model_->points().size());
  for (std::size_t point = 0; point < clean.states.size(); ++point) {
    EXPECT_LT(difference(clean.states[point], test::tensor_of(file_, "states." + std::to_string(point))), tolerance)
        << model_->points()[point].name;
  }
  EXPECT_FALSE(file_.contains("states." + std::to_string(clean.states.size())));
  EXPECT_LT(test::relative_difference(clean.logits, expected_logits()), tolerance);
}

TEST_P(Reference, APointAtATimeEndsInTheSameLogits) {
  const model::Clean clean = model_->clean(batch_);
  const int last = static_cast<int>(clean.states.size()) - 1;
  for (int from = 0; from <= last; ++from) {
    model::Rows rows{clean.states[static_cast<std::size_t>(from)], all_};
    for (int point = from; point < last; ++point) {
      rows = model_->advance(point, rows, batch_, point + 1 == last ? model::Need::read_out : model::Need::all_tokens);
    }
    if (from == last) rows = model_->narrow_to_read_out(rows, batch_);
    EXPECT_LT(test::relative_difference(model_->read_out(rows, batch_), clean.logits), tolerance) << "from " << from;
  }
}

// Gradients of the states, against the reference that computes every token of the last layer.
TEST_P(Reference, GradientsAreThoseOfEveryTokenComputed) {
  const auto gradient = [&](const model::Model& model, model::Need need) {
    const at::Tensor states = model.clean(batch_).states.front().clone().requires_grad_();
    model::Rows rows{states, all_};
    for (std::size_t point = 0; point + 1 < model.points().size(); ++point) {
      rows = model.advance(static_cast<int>(point), rows, batch_, need);
    }
    if (need == model::Need::all_tokens) rows = model.narrow_to_read_out(rows, batch_);
    const at::Tensor logits = model.read_out(rows, batch_).masked_fill_(expected_logits().eq(model::beyond_text), 0);
    (logits * at::arange(1, logits.numel() + 1).view(logits.sizes()).sin()).sum().backward();
    return states.grad();
  };
  const auto reference = model::open_model(folder_, {.arithmetic = model::Arithmetic::plain});
  EXPECT_LT(
      test::relative_difference(gradient(*model_, model::Need::read_out), gradient(*reference, model::Need::all_tokens)),
      tolerance);
}

TEST_P(Reference, SavingIsTheInverseOfOpening) {
  const test::TemporaryFolder saved;
  const auto trainable = model::family_in(folder_).trainable(folder_, model_->head(), 0);
  trainable->save(saved.path() / "again");
  const auto again = model::open_model(saved.path() / "again", {.arithmetic = std::get<1>(GetParam())});
  EXPECT_TRUE(again->clean(batch_).logits.equal(model_->clean(batch_).logits));
}

TEST(Families, HaveNamesAndTypesOfTheirOwn) {
  std::set<std::string_view> names, types;
  for (const model::Family* family : model::families()) {
    EXPECT_TRUE(names.insert(family->name()).second) << family->name();
    EXPECT_TRUE(types.insert(family->model_type()).second) << family->model_type();
    EXPECT_EQ(&model::family_named(family->name()), family);
  }
}

TEST(Families, EveryKeyThatTransformersReadsPlaysAPart) {
  std::ifstream stream(test::encoder_fixtures() / "config_keys.json");
  const auto keys = nlohmann::json::parse(stream);
  for (const char* family : {"bert", "distilbert", "llama"}) {
    ASSERT_GT(keys.at(family).size(), 10u);
    const auto known = model::known_keys(test::files_of(family));
    for (const auto& key : keys.at(family)) {
      EXPECT_NE(std::ranges::find(known, key.get<std::string>()), known.end()) << family << ": " << key;
    }
  }
}

TEST(Families, AnUnknownTypeIsRefusedWithThoseThatAreKnown) {
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "config.json") << R"({"model_type": "t5"})";
  EXPECT_THAT([&] { model::family_in(folder.path()); }, testing::ThrowsMessage<base::InputError>(testing::AllOf(
                                                            testing::HasSubstr("t5"), testing::HasSubstr("distilbert"))));
}

// A later token changes nothing before it.
TEST(Causal, ATokenKnowsOnlyThoseBeforeIt) {
  const auto llama = model::open_model(test::encoder_fixtures() / "tiny-llama");
  model::Batch batch = test::random_batch({9, 9}, 60);
  const model::Clean before = llama->clean(batch);
  batch.token_ids.select(1, 6).add_(1);
  const model::Clean after = llama->clean(batch);
  for (std::size_t point = 0; point < before.states.size(); ++point) {
    const at::Tensor change = (after.states[point] - before.states[point]).abs().sum(-1);  // B x T
    EXPECT_EQ(change.narrow(1, 0, 6).max().item<float>(), 0) << point;
    EXPECT_GT(change.select(1, 6).min().item<float>(), 0) << point;
  }
  EXPECT_FALSE(after.logits.equal(before.logits));
}

TEST(Llama, WhatIsNotComputedIsRefusedByKey) {
  for (const auto& [key, value] : std::vector<std::pair<std::string, nlohmann::json>>{
           {"rope_parameters", {{"rope_type", "llama3"}, {"rope_theta", 5e5}}},
           {"rope_scaling", {{"factor", 8.0}}},
           {"attention_bias", true},
           {"hidden_act", "gelu"},
           {"num_key_value_heads", 3}}) {
    const test::TemporaryFolder folder;
    std::filesystem::copy(test::encoder_fixtures() / "tiny-llama", folder.path() / "model");
    std::ifstream stream(folder.path() / "model" / "config.json");
    auto config = nlohmann::json::parse(stream);
    config[key] = value;
    std::ofstream(folder.path() / "model" / "config.json") << config;
    EXPECT_THAT([&] { model::open_model(folder.path() / "model"); },
                testing::ThrowsMessage<base::InputError>(testing::HasSubstr(key)));
  }
}

TEST(Llama, AnswersToQuestionsAreNotTrained) {
  const auto folder = test::encoder_fixtures() / "tiny-llama";
  EXPECT_THROW(model::family_in(folder).trainable(folder, {.output = terms::OutputKind::span}, 0), base::InputError);
}

}  // namespace
}  // namespace layersweep
