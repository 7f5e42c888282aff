// Groups of points of equal cost, against every way to cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "plan/memory.hpp"
#include "plan/point_groups.hpp"
#include "plan/unit_time.hpp"
#include "plan/work.hpp"
#include "support.hpp"
#include "support/transformer_sizes.hpp"

namespace layersweep::plan {
namespace {

double dearest(const std::vector<PointGroup>& groups, const GroupCost& cost) {
  double most = 0;
  for (const PointGroup group : groups) most = std::max(most, cost(group));
  return most;
}

// Over all ways to cut what is left from `first` on into `groups` groups.
double best_of_all(int first, int points, int groups, const GroupCost& cost) {
  if (groups == 1) return cost({first, points});
  double best = std::numeric_limits<double>::infinity();
  for (int end = first + 1; end <= points - groups + 1; ++end) {
    best = std::min(best, std::max(cost({first, end}), best_of_all(end, points, groups - 1, cost)));
  }
  return best;
}

void expect_cover(const std::vector<PointGroup>& groups, int points) {
  int next = 0;
  for (const PointGroup group : groups) {
    EXPECT_EQ(group.first, next);
    EXPECT_LT(group.first, group.end);
    next = group.end;
  }
  EXPECT_EQ(next, points);
}

Model bert(std::int64_t layers, std::int64_t hidden) {
  return layersweep::test::bert_costs({layers, hidden, 4 * hidden, hidden / 64, 30522, 512, 2});
}

double step_flops(const Model& model, terms::Mode mode, std::int64_t seeds, const Lengths& lengths, PointGroup group) {
  return pass_of(Purpose::training, {model, mode, seeds}, {lengths, 64}, config::Run{}, group).flops;
}

void expect_best(const Model& model, int groups) {
  const Lengths lengths({{25, 64}});
  const GroupCost cost = [&](PointGroup group) { return step_flops(model, terms::Mode::hidden, 1, lengths, group); };
  const int points = static_cast<int>(model.points());
  const auto found = split_points(points, groups, cost);
  EXPECT_EQ(found.size(), static_cast<std::size_t>(groups));
  expect_cover(found, points);
  EXPECT_LE(dearest(found, cost), best_of_all(0, points, groups, cost) * (1 + 1e-12));
}

TEST(SplitPoints, FourteenPointsOverFourRanks) { expect_best(bert(12, 768), 4); }

TEST(SplitPoints, TwentySixPointsOverEightRanks) { expect_best(bert(24, 1024), 8); }

TEST(SplitPoints, AnyCosts) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    test::Draws draws(seed);
    const std::vector<double> costs = test::random_costs(draws, 3 + seed % 9);
    const double shared = draws.uniform(0, 5);
    const GroupCost cost = [&](PointGroup group) {
      double sum = shared * group.end;  // an unmasked pass up to the highest point
      for (int point = group.first; point < group.end; ++point) sum += costs[static_cast<std::size_t>(point)];
      return sum;
    };
    const int points = static_cast<int>(costs.size());
    const int groups = 1 + static_cast<int>(seed) % points;
    const auto found = split_points(points, groups, cost);
    expect_cover(found, points);
    EXPECT_LE(dearest(found, cost), best_of_all(0, points, groups, cost) * (1 + 1e-12)) << seed;
  }
}

// Hidden-mode points cost less the higher they are, so groups grow upwards.
TEST(SplitPoints, HigherGroupsHoldMorePoints) {
  const Model model = bert(12, 768);
  const Lengths lengths({{25, 64}});
  const auto groups =
      split_points(14, 4, [&](PointGroup group) { return step_flops(model, terms::Mode::hidden, 1, lengths, group); });
  EXPECT_LT(groups.front().end - groups.front().first, groups.back().end - groups.back().first);
}

TEST(SplitPoints, NoMoreGroupsThanPoints) {
  EXPECT_EQ(split_points(2, 5, [](PointGroup group) { return group.end - group.first; }).size(), 2U);
}

// All points in one group cost what the unit costs; two groups each pay the unmasked pass, and in input mode the upper one
// all gates of the lower one too.
TEST(PointGroups, AddUpToTheWholeStepAndWhatIsRepeated) {
  const Model model = bert(6, 384);
  const Lengths lengths({{10, 30}, {40, 34}});
  config::Run run;
  for (const terms::Mode mode : {terms::Mode::hidden, terms::Mode::input}) {
    const double whole = pass_of(Purpose::training, {model, mode, 3}, {lengths, 64}, run).flops;
    const auto cost = [&](int first, int end) { return step_flops(model, mode, 3, lengths, {first, end}); };
    EXPECT_NEAR(cost(0, 8) / whole, 1, 1e-12);
    double repeated = model.clean.of(64, 64 * lengths.mean(), 64 * lengths.pairs() / lengths.texts());
    if (mode == terms::Mode::input) {
      for (int point = 0; point < 3; ++point)
        repeated += 2 * 3 * gate_forward(model, mode, point).of(64, 64 * lengths.mean(), 0);
    }
    EXPECT_NEAR((cost(0, 3) + cost(3, 8) - repeated) / whole, 1, 1e-12);
  }
}

std::size_t point_groups_of(const UnitWork& work, int shards, int ranks) {
  return grouping_of(work, shards, ranks).points.size();
}

class Grouped : public testing::Test {
 protected:
  UnitWork work(terms::Mode mode) const {
    return work_of({mode, {0, 1}}, model_, {Lengths({{25, 8544}}), Lengths({{25, 1101}}), {}}, experiment_);
  }

  const Model model_ = bert(12, 768);
  config::Experiment experiment_;
};

// Bits that do not depend on the number of ranks come first: points are shared out only where ranks have no shard left.
TEST_F(Grouped, OnlyWhereRanksHaveNoShardOfTheirOwn) {
  for (const terms::Mode mode : {terms::Mode::hidden, terms::Mode::input}) {
    const UnitWork unit = work(mode);
    for (int ranks = 1; ranks <= 8; ++ranks) EXPECT_EQ(point_groups_of(unit, 8, ranks), 1U) << ranks;
    EXPECT_EQ(point_groups_of(unit, 8, 16), 2U);
    EXPECT_EQ(point_groups_of(unit, 8, 32), 4U);
    EXPECT_EQ(point_groups_of(unit, 8, 8 * 14), 14U);
    EXPECT_EQ(point_groups_of(unit, 8, 11), 1U) << "11 groups of one rank would each compute all 8 shards";
    EXPECT_EQ(point_groups_of(unit, 8, 17), 1U) << "17 do not divide into at most 14 groups";
  }
}

TEST_F(Grouped, AsManyAsMemoryNeeds) {
  for (const terms::Mode mode : {terms::Mode::hidden, terms::Mode::input}) {
    experiment_.run.token_budget = 50;  // a text is the smallest pass, so copies decide about memory
    experiment_.run.memory_gb = 0;
    const UnitWork free = work(mode);
    const auto needs = [&](int groups) {
      return rank_memory(free, {model_, mode, 2}, {Lengths({{25, 8544}}), 64}, experiment_.run,
                         free.groupings[static_cast<std::size_t>(groups - 1)].points)
          .total_bytes();
    };
    EXPECT_LT(needs(4), needs(1));
    experiment_.run.memory_gb = needs(4) / 1e9;
    EXPECT_EQ(work(mode).wanted_groups, 4);
    EXPECT_EQ(point_groups_of(work(mode), 8, 4), 4U);
    EXPECT_EQ(point_groups_of(work(mode), 8, 8), 4U);
    EXPECT_EQ(point_groups_of(work(mode), 8, 6), 6U);
    EXPECT_EQ(point_groups_of(work(mode), 8, 3), 3U) << "where nothing fits, as close as can be";
    EXPECT_EQ(point_groups_of(work(mode), 8, 1), 1U);
  }
}

TEST_F(Grouped, AsManyAsAskedForWhereTheyDivideTheRanks) {
  experiment_.run.point_groups = 4;
  const UnitWork unit = work(terms::Mode::hidden);
  EXPECT_EQ(point_groups_of(unit, 8, 4), 4U);
  EXPECT_EQ(point_groups_of(unit, 8, 8), 4U);
  EXPECT_EQ(point_groups_of(unit, 8, 6), 3U);
  EXPECT_EQ(point_groups_of(unit, 8, 1), 1U);
}

// Groups are other sums than those of one rank, so that the number of ranks alone never makes them.
TEST_F(Grouped, OnlyOnRequestWithDeterminism) {
  experiment_.run.deterministic = true;
  for (int ranks = 1; ranks <= 64; ++ranks) EXPECT_EQ(point_groups_of(work(terms::Mode::input), 8, ranks), 1U) << ranks;
  EXPECT_EQ(team_sizes({work(terms::Mode::input)}, 8).most, 8);
  experiment_.run.point_groups = 2;
  EXPECT_EQ(point_groups_of(work(terms::Mode::input), 8, 4), 2U);
  EXPECT_EQ(team_sizes({work(terms::Mode::input)}, 8).most, 16);
  EXPECT_EQ(team_sizes({work(terms::Mode::input)}, 8).multiple_of, 2);
}

TEST_F(Grouped, MakeMoreRanksThanShardsUseful) {
  const Calibration calibration = assumed_calibration(1);
  for (const terms::Mode mode : {terms::Mode::hidden, terms::Mode::input}) {
    const UnitWork unit = work(mode);
    double before = unit_time(unit, calibration, 8, 8).training_s;
    for (const int ranks : {16, 32, 56, 112}) {
      const double now = unit_time(unit, calibration, 8, ranks).training_s;
      EXPECT_LT(now, before) << ranks;
      before = now;
    }
    EXPECT_EQ(team_sizes({unit}, 8).most, 112);
  }
}

}  // namespace
}  // namespace layersweep::plan
