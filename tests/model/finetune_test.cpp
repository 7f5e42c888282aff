// Fine-tuning: the optimiser, dropout's reproducibility, equality over ranks, and that it learns.
#include <gmock/gmock.h>

#include <barrier>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.hpp"
#include "model/adamw.hpp"
#include "model/finetune.hpp"
#include "model/open.hpp"
#include "model/support.hpp"
#include "model/tree_sum.hpp"

namespace layersweep {
namespace {

using model::FinetuneProgress;

// Every kind of model that is trained on texts.
class Models : public testing::TestWithParam<std::string> {
 protected:
  static std::filesystem::path tiny() { return test::encoder_fixtures() / GetParam(); }
  static std::unique_ptr<model::Trainable> open(std::int64_t classes, std::uint64_t seed) {
    return model::family_in(tiny()).trainable(tiny(), {.classes = classes}, seed);
  }
};
class TrainableModel : public Models {};
class Finetune : public Models {};
const auto name_of = [](const auto& instance) { return test::test_name(instance.param).substr(5); };
// Of the transformers, one of each way in which their parts differ.
INSTANTIATE_TEST_SUITE_P(Tiny, TrainableModel,
                         testing::Values("tiny-bert", "tiny-gru", "tiny-roberta", "tiny-albert", "tiny-deberta-v2",
                                         "tiny-modernbert", "tiny-gpt2", "tiny-qwen3"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Tiny, Finetune, testing::Values("tiny-bert", "tiny-gru"), name_of);

// Room for the gradient of the table of words, where there is one that is trained.
at::Tensor like_table(const model::Trainable& model) {
  return model.table().defined() ? at::empty_like(model.table()) : at::empty({64, 32});
}

// Sentences of random words; the class is that of the word after [CLS].
data::Corpus corpus_of(std::int64_t size, unsigned seed) {
  std::vector<data::Example> examples;
  unsigned state = seed;
  const auto draw = [&](unsigned below) {
    return static_cast<int>((state = state * 1664525u + 1013904223u) >> 8) % static_cast<int>(below);
  };
  for (std::int64_t e = 0; e < size; ++e) {
    data::Example example;
    example.id = std::to_string(e);
    example.label = draw(3);
    example.token_id = {2, 10 + example.label};
    for (int more = 1 + draw(8); more > 0; --more) example.token_id.push_back(20 + draw(40));
    example.token_id.push_back(3);
    const std::size_t length = example.token_id.size();
    example.segment.assign(length, 0);
    example.part.assign(length, 1);
    example.word_index.assign(length, 0);
    example.char_start.assign(length, 0);
    example.char_end.assign(length, 0);
    examples.push_back(example);
  }
  return data::Corpus::pack(examples);
}

model::FinetuneSettings quick() {
  model::FinetuneSettings settings;
  settings.epochs = 2;
  settings.learning_rate = 2e-3;
  settings.batch = 20;
  settings.warm_up_steps = 5;
  settings.shards = 4;
  return settings;
}

const auto silent = [](const FinetuneProgress&) {};

// torch.optim.AdamW's documentation, in double precision.
TEST(AdamW, FollowsItsDefinition) {
  const double start = 0.7, decay = 0.1, rate = 0.05;
  const at::Tensor parameter = at::full({3}, start);
  model::AdamW optimiser({parameter}, decay);
  double value = start, mean = 0, square = 0;
  for (int step = 1; step <= 5; ++step) {
    const double gradient = std::sin(step) * 3;
    optimiser.step({at::full({3}, gradient)}, rate);
    value -= rate * decay * value;
    mean = 0.9 * mean + 0.1 * gradient;
    square = 0.999 * square + 0.001 * gradient * gradient;
    value -= rate * (mean / (1 - std::pow(0.9, step))) / (std::sqrt(square / (1 - std::pow(0.999, step))) + 1e-8);
    EXPECT_NEAR(parameter[1].item<double>(), value, 1e-6) << "step " << step;
  }
}

TEST_P(TrainableModel, GradientIsTheSlopeOfTheLoss) {
  const auto model = open(3, 0);
  const auto corpus = corpus_of(6, 1);
  const std::vector<std::int64_t> examples = {0, 1, 2, 3, 4, 5};
  const model::Batch batch = model::collate(corpus, examples);
  at::Tensor dense = at::empty_like(model->dense()), table = like_table(*model);
  const at::Tensor rows = at::arange(table.size(0));
  // Dropout stays on: the key fixes it, so the loss is a smooth function of the weights.
  const auto loss = [&] { return model->gradient(batch, {0, 0, 0}, 1.0, rows, {dense, table}); };
  loss();
  const at::Tensor slope = dense.clone(), table_slope = table.clone();
  at::manual_seed(3);
  for (const bool words : {false, true}) {
    if (words && !model->table().defined()) continue;
    at::Tensor weights = words ? model->table() : model->dense();
    const at::Tensor start = weights.clone(), direction = at::randn_like(weights);
    const double expected = ((words ? table_slope : slope) * direction).sum().item<double>();
    const double step = 1e-3;
    weights.copy_(start + step * direction);
    const double up = loss();
    weights.copy_(start - step * direction);
    const double down = loss();
    weights.copy_(start);
    EXPECT_NEAR((up - down) / (2 * step), expected, 0.01 * std::abs(expected) + 1e-2) << (words ? "table" : "dense");
  }
}

// What is trained is what is frozen: without dropout the loss is the cross-entropy of the frozen model's logits.
TEST_P(TrainableModel, LossWithoutDropoutIsThatOfTheFrozenModel) {
  const test::TemporaryFolder folder;
  std::filesystem::copy(tiny(), folder.path() / "model", std::filesystem::copy_options::recursive);
  std::ifstream stream(tiny() / "config.json");
  auto config = nlohmann::json::parse(stream);
  config["hidden_dropout_prob"] = config["attention_probs_dropout_prob"] = 0.0;
  for (const auto& [key, value] : config.items()) {
    if (key.find("drop") != key.npos && value.is_number()) value = 0.0;
  }
  std::ofstream(folder.path() / "model" / "config.json") << config;
  const auto model = model::family_in(folder.path() / "model").trainable(folder.path() / "model", {.classes = 3}, 0);
  const auto corpus = corpus_of(5, 3);
  const std::vector<std::int64_t> examples = {0, 1, 2, 3, 4};
  const model::Batch batch = model::collate(corpus, examples);
  at::Tensor dense = at::empty_like(model->dense()), table = like_table(*model);
  const double loss = model->gradient(batch, {}, 0.5, at::arange(table.size(0)), {dense, table});
  const at::Tensor expected =
      at::cross_entropy_loss(model->frozen().clean(batch).logits, batch.labels, {}, at::Reduction::Sum);
  EXPECT_NEAR(loss, 0.5 * expected.item<double>(), 1e-5 * expected.item<double>());
}

TEST(TrainableBert, DropoutIsAFunctionOfSeedStepAndShard) {
  const auto model = model::family_in(test::encoder_fixtures() / "tiny-bert")
                         .trainable(test::encoder_fixtures() / "tiny-bert", {.classes = 3}, 0);
  const auto corpus = corpus_of(4, 1);
  const std::vector<std::int64_t> examples = {0, 1, 2, 3};
  const model::Batch batch = model::collate(corpus, examples);
  const at::Tensor rows = at::arange(64);
  const auto run = [&](model::DropoutKey key) {
    at::Tensor dense = at::empty_like(model->dense()), table = at::empty({64, 32});
    model->gradient(batch, key, 1.0, rows, {dense, table});
    return dense;
  };
  EXPECT_TRUE(run({1, 2, 3}).equal(run({1, 2, 3})));
  for (const model::DropoutKey other : {model::DropoutKey{2, 2, 3}, {1, 3, 3}, {1, 2, 4}}) {
    EXPECT_FALSE(run({1, 2, 3}).equal(run(other)));
  }
}

TEST_P(Finetune, LearnsAndLeavesTheBestWeights) {
  const auto train = corpus_of(200, 1), dev = corpus_of(60, 2);
  const auto model = open(3, 5);
  auto settings = quick();
  settings.epochs = 16;
  settings.learning_rate = GetParam() == "tiny-bert" ? 4e-3 : 3e-2;
  std::vector<double> accuracies;
  std::int64_t steps = 0;
  const auto result =
      model::finetune(*model, {train, dev}, settings, {0, 4}, {test::tree_sum(4), [&](const FinetuneProgress& p) {
                                                                 if (p.dev_accuracy >= 0)
                                                                   accuracies.push_back(p.dev_accuracy);
                                                                 steps = p.step;
                                                                 EXPECT_EQ(p.steps, 160);
                                                               }});
  EXPECT_EQ(steps, 160);
  EXPECT_EQ(result.dev_accuracy, *std::max_element(accuracies.begin(), accuracies.end()));
  EXPECT_GE(result.dev_accuracy, 0.95);
  EXPECT_EQ(test::accuracy(model->frozen(), dev), result.dev_accuracy);

  const test::TemporaryFolder folder;
  model->save(folder.path() / "model");
  EXPECT_EQ(test::accuracy(*model::open_model(folder.path() / "model"), dev), result.dev_accuracy);
}

// Two ranks as two threads, each with its own model; their sum waits for both.
class SharedSum final : public model::GradientSum {
 public:
  SharedSum(test::TreeSum& tree, std::barrier<>& together, std::span<const float>& total, bool first)
      : tree_(tree), together_(together), total_(total), first_(first) {}
  void add(int shard, std::span<const float> gradient) override { tree_.add(shard, gradient); }
  std::span<const float> sum() override {
    together_.arrive_and_wait();
    if (first_) total_ = tree_.sum();
    together_.arrive_and_wait();
    return total_;
  }

 private:
  test::TreeSum& tree_;
  std::barrier<>& together_;
  std::span<const float>& total_;
  bool first_;
};

TEST_P(Finetune, TwoRanksGiveTheBitsOfOne) {
  const auto train = corpus_of(90, 1), dev = corpus_of(30, 2);  // the last batch leaves shards small
  const auto alone = open(5, 5);
  const auto expected = model::finetune(*alone, {train, dev}, quick(), {0, 4}, {test::tree_sum(4), silent});

  test::TreeSum tree(4);
  std::barrier<> together(2);
  std::span<const float> total;
  std::vector<std::unique_ptr<model::Trainable>> models;
  std::vector<std::jthread> ranks;
  for (int rank = 0; rank < 2; ++rank) models.push_back(open(5, 5));
  for (int rank = 0; rank < 2; ++rank) {
    ranks.emplace_back([&, rank] {
      const auto result = model::finetune(
          *models[rank], {train, dev}, quick(), data::shards_of_rank(4, rank, 2),
          {[&](std::size_t) { return std::make_unique<SharedSum>(tree, together, total, rank == 0); }, silent});
      EXPECT_EQ(result.dev_accuracy, expected.dev_accuracy);
      EXPECT_EQ(result.epoch, expected.epoch);
    });
  }
  ranks.clear();
  for (const auto& model : models) {
    EXPECT_TRUE(model->dense().equal(alone->dense()));
    if (alone->table().defined()) {
      EXPECT_TRUE(model->table().equal(alone->table()));
    }
  }
}

TEST_P(Finetune, DivergenceIsAnError) {
  const auto train = corpus_of(40, 1);
  const auto model = open(3, 5);
  model->dense().fill_(std::numeric_limits<float>::quiet_NaN());
  EXPECT_THROW(model::finetune(*model, {train, train}, quick(), {0, 4}, {test::tree_sum(4), silent}), base::InputError);
}

}  // namespace
}  // namespace layersweep
