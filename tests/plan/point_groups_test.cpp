// Groups of points of equal cost, against every way to cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "plan/point_groups.hpp"
#include "plan/work.hpp"
#include "support.hpp"

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
  return bert_model({layers, hidden, 4 * hidden, hidden / 64, 30522, 512, 2});
}

void expect_best(const Model& model, int groups) {
  const Lengths lengths({{25, 64}});
  const GroupCost cost = [&](PointGroup group) { return hidden_group_flops(model, 1, lengths, 64, group); };
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
      split_points(14, 4, [&](PointGroup group) { return hidden_group_flops(model, 1, lengths, 64, group); });
  EXPECT_LT(groups.front().end - groups.front().first, groups.back().end - groups.back().first);
}

TEST(SplitPoints, NoMoreGroupsThanPoints) {
  EXPECT_EQ(split_points(2, 5, [](PointGroup group) { return group.end - group.first; }).size(), 2U);
}

// All points in one group cost what the unit costs.
TEST(HiddenGroup, OfAllPointsIsTheWholeStep) {
  const Model model = bert(6, 384);
  const Lengths lengths({{10, 30}, {40, 34}});
  config::Run run;
  const Pass whole = training_pass(model, config::Mode::hidden, 3, lengths, 64, run);
  EXPECT_NEAR(hidden_group_flops(model, 3, lengths, 64, {0, 8}) / whole.flops, 1, 1e-12);
}

}  // namespace
}  // namespace layersweep::plan
