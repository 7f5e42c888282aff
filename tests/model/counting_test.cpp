// The counting model: the fast recurrence against the plain one, saving, and its training.
#include <gmock/gmock.h>

#include <fstream>

#include "base/error.hpp"
#include "data/counting.hpp"
#include "model/families/counting_plain.hpp"
#include "model/families/gru.hpp"
#include "model/finetune.hpp"
#include "model/open.hpp"
#include "model/support.hpp"
#include "model/tree_sum.hpp"

namespace layersweep {
namespace {

using model::Arithmetic;
using model::Need;
using model::Rows;

constexpr double tolerance = 1e-5;  // fp32 in another order, ten steps deep

model::CountingModel random_model(model::CountingConfig config = {}) {
  return {config, model::random_counting_weights(config, 7)};
}

// The same states; another decision from the same weights; the same for the same seed.
TEST(Counting, ShuffledHead) {
  const test::TemporaryFolder folder;
  model::write_counting(folder.path(), random_model());
  const auto corpus = data::counting_corpus(3, terms::Split::dev);
  const model::Batch batch = model::collate(corpus, std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7});
  const auto model = model::open_model(folder.path())->clean(batch);
  const auto shuffled = model::open_model(folder.path(), {.shuffled_head = 1})->clean(batch);
  for (std::size_t point = 0; point < model.states.size(); ++point) {
    EXPECT_TRUE(model.states[point].equal(shuffled.states[point])) << "point " << point;
  }
  EXPECT_GT(test::relative_difference(model.logits, shuffled.logits), 0.1);
  EXPECT_TRUE(shuffled.logits.equal(model::open_model(folder.path(), {.shuffled_head = 1})->clean(batch).logits));
  EXPECT_FALSE(shuffled.logits.equal(model::open_model(folder.path(), {.shuffled_head = 2})->clean(batch).logits));
}

TEST(Counting, FastEqualsPlainFromEveryPoint) {
  at::manual_seed(2);
  const auto corpus = data::counting_corpus(3, terms::Split::dev);
  std::vector<std::int64_t> examples(40);
  for (std::size_t i = 0; i < examples.size(); ++i) examples[i] = static_cast<std::int64_t>(3 * i);
  const model::Batch batch = model::collate(corpus, examples);
  for (const std::int64_t width : {64, 10}) {  // whole vectors, and not
    const auto fast = model::make_counting(random_model({.width = width}), Arithmetic::fast);
    const auto plain = model::make_counting(random_model({.width = width}), Arithmetic::plain);
    EXPECT_LT(test::relative_difference(fast->clean(batch).logits, plain->clean(batch).logits), tolerance);
    const at::Tensor example = at::randint(0, batch.size(), {300}, at::kLong);  // more than two blocks of rows
    for (int point = 0; point < 2; ++point) {
      const at::Tensor start = at::randn({300, batch.width(), point == 0 ? width : 2});
      std::vector<at::Tensor> logits, gradients;
      for (const auto* model : {fast.get(), plain.get()}) {
        const at::Tensor states = start.clone().requires_grad_();
        Rows rows{states, example};
        if (point == 0) rows = model->advance(0, rows, batch, Need::read_out);
        logits.push_back(model->read_out(model->narrow_to_read_out(rows, batch), batch));
        (logits.back() * at::arange(600).view({300, 2}).sin()).sum().backward();
        gradients.push_back(states.grad());
      }
      EXPECT_LT(test::relative_difference(logits[0], logits[1]), tolerance) << "point " << point;
      EXPECT_LT(test::relative_difference(gradients[0], gradients[1]), tolerance) << "point " << point;
    }
  }
}

TEST(Counting, BinaryOutputIsZeroAndALogit) {
  const auto model = model::make_counting(random_model());
  const auto corpus = data::counting_corpus(0, terms::Split::dev);
  const std::vector<std::int64_t> examples = {0, 1, 2};
  const at::Tensor logits = model->clean(model::collate(corpus, examples)).logits;
  EXPECT_TRUE(logits.select(1, 0).eq(0).all().item<bool>());
  EXPECT_FALSE(model->mask_state().defined());
  EXPECT_EQ(model->points().at(0).width, 64);
  EXPECT_EQ(model->points().at(1).width, 2);
}

TEST(Gru, WeightGradientsEqualThePlainOnes) {
  at::manual_seed(4);
  const at::Tensor features = at::randn({150, 7, 2});
  const at::Tensor lengths = at::randint(1, 8, {150}, at::kLong);
  const at::Tensor weight = at::randn({150, 64});
  std::vector<std::vector<at::Tensor>> gradients;
  for (const bool fast : {true, false}) {
    model::CountingWeights weights = random_model().weights;
    std::vector<at::Tensor*> of_gru = {&weights.gru_input, &weights.gru_input_bias, &weights.gru_state,
                                       &weights.gru_state_bias};
    for (at::Tensor* tensor : of_gru) *tensor = tensor->detach().clone().requires_grad_();
    const at::Tensor state = fast ? model::gru_last_state(model::gru_weights(weights), features, lengths)
                                  : model::plain::last_state(weights, features, lengths);
    (state * weight).sum().backward();
    gradients.emplace_back();
    for (const at::Tensor* tensor : of_gru) gradients.back().push_back(tensor->grad());
  }
  for (std::size_t index = 0; index < 4; ++index) {
    EXPECT_LT(test::relative_difference(gradients[0][index], gradients[1][index]), tolerance) << "weight " << index;
  }
}

TEST(CountingFolder, ASavedModelOpensAsItWas) {
  const test::TemporaryFolder folder;
  const auto model = random_model();
  model::write_counting(folder.path() / "model", model);
  const auto corpus = data::counting_corpus(0, terms::Split::test);
  const std::vector<std::int64_t> examples = {4, 5};
  const model::Batch batch = model::collate(corpus, examples);
  const auto opened = model::open_model(folder.path() / "model");
  EXPECT_TRUE(opened->clean(batch).logits.equal(model::make_counting(model)->clean(batch).logits));
}

TEST(CountingFolder, DamageIsNamed) {
  const test::TemporaryFolder folder;
  model::write_counting(folder.path(), random_model());
  std::ofstream(folder.path() / "config.json")
      << R"({"model_type": "layersweep-counting", "symbols": 10, "width": 32, "features": 2})";
  try {
    model::open_model(folder.path());
    FAIL() << "a wrong shape was taken";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("of_query.weight"));
  }
  std::ofstream(folder.path() / "config.json") << R"({"model_type": "layersweep-counting", "symbols": 10, "features": 2})";
  EXPECT_THROW(model::open_model(folder.path()), base::InputError);
}

TEST(CountingTraining, LearnsTheTask) {
  const auto train = data::counting_corpus(0, terms::Split::train);
  const auto dev = data::counting_corpus(0, terms::Split::dev);
  const auto model = model::make_trainable_counting(0);
  auto settings = model::counting_family().finetune_settings();
  const auto result = model::finetune(*model, {train, dev}, settings, {0, settings.shards},
                                      {test::tree_sum(settings.shards), [](const model::FinetuneProgress&) {}});
  EXPECT_GE(result.dev_accuracy, 0.998);
  EXPECT_EQ(test::accuracy(model->frozen(), dev), result.dev_accuracy);  // the model is left with its best weights
  EXPECT_GE(test::accuracy(model->frozen(), data::counting_corpus(0, terms::Split::test)), 0.98);
  RecordProperty("epoch", static_cast<int>(result.epoch));
}

}  // namespace
}  // namespace layersweep
