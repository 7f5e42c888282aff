// The groups of equal cost that the planner makes of deep encoders, trained: 12 layers (14 points) over 4 ranks and 24
// layers (26 points) over 8, each rank with points of its own, and points and data both shared out, against one rank.
#include "plan/work.hpp"
#include "support/transformer_sizes.hpp"
#include "sweep/grouped_training.hpp"

namespace layersweep {
namespace {

using probe::PointRange;
using sweep::Ranks;
using terms::Mode;
using test::Reduction;

// Twelve layers for four ranks, twenty-four for eight, two for one.
std::int64_t layers_here() { return comm::world().size() == 8 ? 24 : comm::world().size() == 4 ? 12 : 2; }

model::TransformerSpec deep() {
  model::TransformerSpec config;
  config.layers = layers_here();
  config.hidden = 16;
  config.heads = 2;
  config.inner = 32;
  config.vocabulary = 64;
  config.positions = 16;
  config.head.classes = 3;
  config.initial_range = 0.15;  // layers that do something, and keep rounding from growing with depth
  return config;
}

test::Subject deep_bert() {
  const model::TransformerSpec config = deep();
  return {"bert", model::make_transformer(config, test::random_weights(config, 5), 4),
          test::random_texts(16, config.vocabulary, 1), test::random_texts(8, config.vocabulary, 2)};
}

// As a run makes them: `groups` groups by the planner's costs.
std::vector<PointRange> planned_groups(Mode mode, int groups) {
  const model::TransformerSpec config = deep();
  const plan::Model model = test::bert_costs(
      {config.layers, config.hidden, config.inner, config.heads, config.vocabulary, config.positions, config.head.classes});
  config::Experiment experiment;
  experiment.run.point_groups = groups;
  const plan::Lengths lengths({{5, 16}});
  const plan::UnitWork work = plan::work_of({mode == Mode::input ? terms::Mode::input : terms::Mode::hidden, {0}}, model,
                                            {lengths, lengths, {}}, experiment);
  std::vector<PointRange> result;
  for (const plan::PointGroup group : plan::grouping_of(work, experiment.run.shards, comm::world().size()).points) {
    result.push_back({group.first, group.end});
  }
  return result;
}

class DeepTraining : protected test::GroupedTraining {
 protected:
  explicit DeepTraining(Mode mode) : GroupedTraining(deep_bert(), mode, {1}) {
    settings_.batch = 8;
    settings_.max_steps = 3;
    settings_.calibrate = false;
  }

  // Every rank with points of its own, and two ranks to a group.
  std::vector<std::vector<PointRange>> divisions() const {
    const int ranks = comm::world().size();
    std::vector<std::vector<PointRange>> result{planned_groups(mode(), ranks)};
    if (ranks > 1) result.push_back(planned_groups(mode(), ranks / 2));
    return result;
  }
};

class DeepPointGroups : public testing::TestWithParam<Mode>, protected DeepTraining {
 protected:
  DeepPointGroups() : DeepTraining(GetParam()) {}
};

INSTANTIATE_TEST_SUITE_P(Modes, DeepPointGroups, testing::Values(Mode::input, Mode::hidden),
                         [](const auto& instance) { return std::string(terms::name_of(instance.param)); });

TEST_P(DeepPointGroups, AreAsManyAsAskedForAndHoldAllPoints) {
  const int ranks = comm::world().size();
  EXPECT_EQ(points(), layers_here() + 2);
  for (const auto& groups : divisions()) {
    EXPECT_TRUE(std::ssize(groups) == ranks || 2 * std::ssize(groups) == ranks);
    int next = 0;
    for (const PointRange group : groups) {
      EXPECT_EQ(group.first, next);
      EXPECT_GT(group.end, group.first);
      next = group.end;
    }
    EXPECT_EQ(next, points());
  }
}

TEST_P(DeepPointGroups, AStepGivesTheGradientsOfOneRank) {
  const at::Tensor alone = step(test::this_rank(Reduction::deterministic));
  EXPECT_GT(alone.abs().max().item<double>(), 1e-3);
  for (const Reduction reduction : {Reduction::deterministic, Reduction::plain}) {
    for (const auto& groups : divisions()) {
      const at::Tensor together = step(test::all_ranks_in_groups(groups, reduction));
      EXPECT_LT(((together - alone).abs().max() / alone.abs().max()).item<double>(), test::gradient_tolerance)
          << groups.size() << " groups";
    }
  }
}

TEST_P(DeepPointGroups, AShortTrainingAgreesAndEveryRankHasTheSame) {
  const sweep::TrainedUnit alone = train(test::this_rank(Reduction::deterministic));
  for (const auto& groups : divisions()) {
    const sweep::TrainedUnit unit = train(test::all_ranks_in_groups(groups, Reduction::deterministic));
    EXPECT_TRUE(at::allclose(unit.alpha, alone.alpha, 1e-4));
    // An entry whose gradient is nothing but rounding may move otherwise.
    const at::Tensor off = (unit.parameters - alone.parameters).abs().gt(1e-5 + 1e-3 * alone.parameters.abs());
    EXPECT_LT(off.to(at::kDouble).mean().item<double>(), 0.02) << groups.size() << " groups";
    EXPECT_TRUE(test::is_everywhere_the_same(unit.parameters));
    const auto &a = alone.curve.back(), &b = unit.curve.back();
    for (int p = 0; p < static_cast<int>(points()); ++p) {
      const sweep::Score &one = sweep::at_cell(a.scores, p, 0), &other = sweep::at_cell(b.scores, p, 0);
      EXPECT_EQ(sweep::at_cell(unit.status, p, 0), sweep::at_cell(alone.status, p, 0));
      EXPECT_NEAR(other.kl, one.kl, 1e-5 + 1e-3 * one.kl) << "point " << p;
    }
  }
}

// In input mode calibration goes without groups.
class DeepHiddenPointGroups : public testing::Test, protected DeepTraining {
 protected:
  DeepHiddenPointGroups() : DeepTraining(Mode::hidden) {}
};

TEST_F(DeepHiddenPointGroups, ACalibratedTrainingEndsAcceptedAndTheSameEverywhere) {
  settings_.calibrate = true;
  const sweep::TrainedUnit unit = train(test::all_ranks_in_groups(divisions().front(), Reduction::plain));
  const Ranks alone = test::this_rank(Reduction::deterministic);
  const auto scores = evaluator(alone).cells(unit.parameters, active_);
  for (int p = 0; p < static_cast<int>(points()); ++p) {
    EXPECT_TRUE(sweep::is_accepted(sweep::at_cell(scores, p, 0), {settings_.epsilon, settings_.flip_limit})) << p;
  }
  EXPECT_TRUE(test::is_everywhere_the_same(unit.parameters));
}

}  // namespace
}  // namespace layersweep
