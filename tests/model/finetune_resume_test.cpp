// A fine-tuning that was stopped after any step and taken up by a fresh process ends in the same weights.
#include <gmock/gmock.h>

#include "data/counting.hpp"
#include "model/finetune.hpp"
#include "model/support.hpp"
#include "model/tree_sum.hpp"

namespace layersweep {
namespace {

struct StopsHere {};

// Remembers the state of the wanted step, and ends the training there.
class Stopper : public model::FinetuneKeeper {
 public:
  explicit Stopper(std::int64_t step) : step_(step) {}
  void resume(model::FinetuneState&) override {}
  void after_step(const model::FinetuneState& state) override {
    if (state.step != step_) return;
    kept = state;
    for (auto& [name, tensor] : kept.tensors) tensor = tensor.clone();
    throw StopsHere();
  }
  model::FinetuneState kept;

 private:
  std::int64_t step_;
};

class Resumer : public model::FinetuneKeeper {
 public:
  explicit Resumer(model::FinetuneState kept) : kept_(std::move(kept)) {}
  void resume(model::FinetuneState& state) override {
    ASSERT_EQ(state.tensors.size(), kept_.tensors.size());
    for (std::size_t i = 0; i < kept_.tensors.size(); ++i) {
      EXPECT_EQ(state.tensors[i].first, kept_.tensors[i].first);
      state.tensors[i].second.copy_(kept_.tensors[i].second);
    }
    kept_.tensors = state.tensors;
    state = kept_;
  }
  void after_step(const model::FinetuneState&) override {}

 private:
  model::FinetuneState kept_;
};

class Resumed : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Tiny, Resumed, testing::Values("tiny-bert", "tiny-gru"),
                         [](const auto& instance) { return instance.param.substr(5); });

TEST_P(Resumed, AfterAnyStepEndsInTheSameWeights) {
  const data::Corpus train = data::counting_corpus(0, terms::Split::train).first(70);
  const data::Corpus dev = data::counting_corpus(0, terms::Split::dev).first(20);
  model::FinetuneSettings settings;
  settings.epochs = 3;
  settings.learning_rate = 2e-2;  // the best epoch is not the last one
  settings.batch = 32;
  settings.warm_up_steps = 2;
  settings.shards = 2;
  const auto train_with = [&](model::Trainable& model, model::FinetuneKeeper* keeper) {
    return model::finetune(model, {train, dev}, settings, {0, 2},
                           {test::tree_sum(2), [](const model::FinetuneProgress&) {}, keeper});
  };
  const auto fresh = [] {
    return model::family_in(test::encoder_fixtures() / GetParam())
        .trainable(test::encoder_fixtures() / GetParam(), {.classes = 2}, 0);
  };

  const auto whole = fresh();
  const model::FinetuneResult expected = train_with(*whole, nullptr);
  for (const std::int64_t step : {1, 3, 4, 8}) {
    Stopper stopper(step);
    const auto first = fresh();
    EXPECT_THROW(train_with(*first, &stopper), StopsHere);
    Resumer resumer(stopper.kept);
    const auto second = fresh();
    const model::FinetuneResult result = train_with(*second, &resumer);
    EXPECT_EQ(result.dev_accuracy, expected.dev_accuracy);
    EXPECT_EQ(result.epoch, expected.epoch);
    EXPECT_TRUE(second->dense().equal(whole->dense())) << "after step " << step;
    if (whole->table().defined()) {
      EXPECT_TRUE(second->table().equal(whole->table())) << "after step " << step;
    }
  }
}

}  // namespace
}  // namespace layersweep
