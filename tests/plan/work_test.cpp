// Costs from sizes: against figures counted by hand, and laws that hold for all models.
#include <gtest/gtest.h>

#include "plan/memory.hpp"
#include "plan/unit_time.hpp"
#include "plan/work.hpp"
#include "support/transformer_sizes.hpp"

namespace layersweep::plan {
namespace {

Model minilm() { return layersweep::test::bert_costs({6, 384, 1536, 12, 30522, 512, 5}); }

config::Experiment experiment() {
  config::Experiment e;
  e.probe.seeds = {0, 1, 2, 3, 4};
  e.probe.seeds_per_unit = 2;
  return e;
}

TextLengths texts() { return {Lengths({{25, 8544}}), Lengths({{25, 1101}}), Lengths({{25, 2210}})}; }

TEST(Units, GroupSeedsWithinModes) {
  const auto units = units_of(experiment().probe);
  std::vector<std::string> names;
  for (const Unit& unit : units) names.push_back(unit.name());
  EXPECT_EQ(names, (std::vector<std::string>{"input-0-1", "input-2-3", "input-4", "hidden-0-1", "hidden-2-3", "hidden-4"}));
}

// 6 layers of 4·384² + 2·384·1536 weights, each used in one multiply-add per token: counted from the shapes of the tensors.
TEST(Model, WeightsAndProductsOfMiniLm) {
  const Model model = minilm();
  EXPECT_EQ(model.weights, 22565376 + 384 * 384 + 384 + 5 * 385);  // without heads: as published for all-MiniLM-L6-v2
  const double layer = 4.0 * 384 * 384 + 2.0 * 384 * 1536;
  EXPECT_DOUBLE_EQ(model.clean.per_token, 2 * 6 * layer);
  EXPECT_DOUBLE_EQ(model.clean.per_pair, 6 * 4 * 384);
  EXPECT_EQ(model.points(), 8);
}

// Counted from the shapes of the tensors: 3·384 x 384 from input and from state, with a bias each, and the head.
TEST(Model, WeightsAndProductsOfAGru) {
  const Model model = recurrent_model("gru", 30522, 384, 384, 5);
  EXPECT_EQ(model.weights, 30522 * 384 + 2 * (1152 * 384 + 1152) + 5 * 385);
  EXPECT_DOUBLE_EQ(model.clean.per_token, 2 * 2 * 1152 * 384);
  EXPECT_EQ(copy_forward(model, terms::Mode::hidden, 1).per_token, 0);
  EXPECT_EQ(copy_forward(model, terms::Mode::input, 1).per_token, model.clean.per_token);
}

// A copy that joins at point k in hidden mode climbs the layers above; the last computes one token.
TEST(Model, HiddenCopiesCostTheLayersAbove) {
  const Model model = minilm();
  const double layer = 2 * (4.0 * 384 * 384 + 2.0 * 384 * 1536);
  for (int point = 1; point <= 6; ++point) {
    const Flops flops = copy_forward(model, terms::Mode::hidden, point);
    EXPECT_DOUBLE_EQ(flops.per_pair, (6 - point) * 4.0 * 384);
    EXPECT_DOUBLE_EQ(flops.per_token, (6 - point) * layer + 4.0 * 384 * 384 + 4 * 384);
  }
  EXPECT_EQ(copy_forward(model, terms::Mode::hidden, 7).per_token, 0);
  for (int point = 0; point < 8; ++point) {
    EXPECT_EQ(copy_forward(model, terms::Mode::input, point).per_token,
              copy_forward(model, terms::Mode::hidden, 0).per_token);
  }
}

TEST(Work, StepsAndValidationsFollowTheSettings) {
  config::Experiment e = experiment();
  e.probe.batch = 64;
  e.probe.epochs = 2;
  e.probe.validate_every = 100;
  e.probe.validation_examples = 256;
  const auto unit = units_of(e.probe).front();
  UnitWork work = work_of(unit, minilm(), texts(), e);
  EXPECT_EQ(work.steps, 2 * 134);
  EXPECT_EQ(work.validations, 1 + 2 + 1);  // before the first step, at 100 and 200, after the last
  EXPECT_DOUBLE_EQ(work.validation_batches, 4);
  e.probe.max_steps = 100;
  work = work_of(unit, minilm(), texts(), e);
  EXPECT_EQ(work.steps, 100);
  EXPECT_EQ(work.validations, 2);
}

TEST(Work, InputModeCostsMoreAndSeedsShareTheUnmaskedPass) {
  const config::Experiment e = experiment();
  const double input = pass_of(Purpose::training, {minilm(), terms::Mode::input, 1}, {texts().train, 64}, e.run).flops;
  const double hidden = pass_of(Purpose::training, {minilm(), terms::Mode::hidden, 1}, {texts().train, 64}, e.run).flops;
  const double two = pass_of(Purpose::training, {minilm(), terms::Mode::hidden, 2}, {texts().train, 64}, e.run).flops;
  EXPECT_GT(input, 1.3 * hidden);
  EXPECT_GT(two, hidden);
  EXPECT_NEAR(2 * hidden - two, minilm().clean.of(64, 64 * 25, 64 * 625), 1e-6 * hidden);
}

// In input mode the search goes gate after gate, twice, each time over the points that the gate concerns.
TEST(Work, CalibrationIsCountedWhereItIsAskedFor) {
  config::Experiment e = experiment();
  e.probe.calibrate = false;
  const auto units = units_of(e.probe);
  const UnitWork without = work_of(units.front(), minilm(), texts(), e);
  EXPECT_EQ(without.search_batches, 0);
  EXPECT_EQ(without.judged_batches, 0);
  e.probe.calibrate = true;
  const UnitWork input = work_of(units.front(), minilm(), texts(), e);
  const UnitWork hidden = work_of(units.back(), minilm(), texts(), e);
  EXPECT_EQ(input.judged_batches, 2 * 18);
  EXPECT_GT(input.search_batches, 3 * hidden.search_batches);
  EXPECT_LT(input.batch_of_search.flops, 0.6 * input.whole().batch_of_validation.flops);
  EXPECT_GT(input.batch_of_search.flops, minilm().clean.of(64, 64 * 25, 64 * 625));
  EXPECT_EQ(hidden.batch_of_search.flops, hidden.whole().batch_of_validation.flops);
}

TEST(Work, TheTokenBudgetCutsShards) {
  config::Run run;
  run.shards = 8;
  run.token_budget = 8 * 25 * 4;  // four texts of 25 tokens in 8 copies
  EXPECT_EQ(pass_of(Purpose::training, {minilm(), terms::Mode::input, 1}, {texts().train, 64}, run).pieces_per_shard, 2);
  run.token_budget = 100000;
  EXPECT_EQ(pass_of(Purpose::training, {minilm(), terms::Mode::input, 1}, {texts().train, 64}, run).pieces_per_shard, 1);
  run.token_budget = 1;
  EXPECT_EQ(pass_of(Purpose::training, {minilm(), terms::Mode::input, 1}, {texts().train, 64}, run).pieces_per_shard, 8);
}

TEST(Lengths, OfAHistogramCutAndLimited) {
  const std::vector<std::int64_t> counts{0, 10, 30};
  const Lengths lengths = Lengths::of_histogram(4, counts);
  EXPECT_DOUBLE_EQ(lengths.texts(), 40);
  EXPECT_DOUBLE_EQ(lengths.mean(), (10 * 5.5 + 30 * 9.5) / 40);
  EXPECT_DOUBLE_EQ(lengths.cut(6).mean(), (10 * 5.5 + 30 * 6) / 40);
  EXPECT_DOUBLE_EQ(lengths.first(20).texts(), 20);
  EXPECT_DOUBLE_EQ(lengths.first(20).mean(), lengths.mean());
  EXPECT_DOUBLE_EQ(lengths.first(0).texts(), 40);
  EXPECT_DOUBLE_EQ(Lengths::uniform(100, 10).mean(), 5.5);
}

// More ranks never need longer without messages, and shards bound what they bring.
TEST(UnitTime, FallsWithRanksUpToTheShards) {
  const config::Experiment e = experiment();
  const UnitWork work = work_of(units_of(e.probe).front(), minilm(), texts(), e);
  Calibration calibration = assumed_calibration(1);
  const double one = unit_time(work, calibration, 8, 1).training_s;
  EXPECT_NEAR(unit_time(work, calibration, 8, 2).training_s, one / 2, 1e-9 * one);
  EXPECT_NEAR(unit_time(work, calibration, 8, 3).training_s, one * 3 / 8, 1e-9 * one);
  EXPECT_NEAR(unit_time(work, calibration, 8, 8).training_s, one / 8, 1e-9 * one);
  EXPECT_NEAR(unit_time(work, calibration, 8, 11).training_s, one / 8, 1e-9 * one);  // 11 groups of 8 points cannot be
  EXPECT_EQ(unit_time(work, calibration, 8, 1).messages_s, 0);
  EXPECT_LT(unit_time(work, calibration, 8, 2).messages_s, unit_time(work, calibration, 8, 8).messages_s);
}

TEST(Memory, GrowsWithTheTokenBudgetAndTheSeeds) {
  config::Experiment e = experiment();
  const Model model = minilm();
  const UnitWork work = work_of(units_of(e.probe).front(), model, texts(), e);
  const std::vector<PointGroup>& whole = work.groupings.front().points;
  const auto bytes = [&](std::int64_t budget) {
    e.run.token_budget = budget;
    return rank_memory(work, {model, work.mode, 2}, {texts().train, 64}, e.run, whole).passes_bytes;
  };
  EXPECT_LT(bytes(1000), bytes(4000));
  EXPECT_GT(rank_memory(work, {model, work.mode, 2}, {texts().train, 64}, e.run, whole).weights_bytes, 90e6);
}

// Peaks of `run --steps prepare,finetune` on 1,500 texts of SST with this model, one rank (docs/scaling.md).
TEST(Memory, OfFineTuningIsWhatWasMeasured) {
  config::Experiment e = experiment();
  const Lengths sst({{28, 1450}, {58, 50}});
  const auto predicted_mb = [&](int threads, int batch) {
    e.run.threads = threads;
    e.finetune.batch = batch;
    return finetune_bytes(minilm(), sst, e, 1) / 1e6;
  };
  constexpr double share = 0.1;
  EXPECT_NEAR(predicted_mb(1, 8), 907, share * 907);
  EXPECT_NEAR(predicted_mb(1, 32), 961, share * 961);
  EXPECT_NEAR(predicted_mb(2, 32), 1112, share * 1112);
  EXPECT_NEAR(predicted_mb(2, 128), 1384, share * 1384);
}

}  // namespace
}  // namespace layersweep::plan
