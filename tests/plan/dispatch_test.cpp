// Many units: teams are busy to the end, although expected times are wrong by a fifth.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "support.hpp"

namespace layersweep::plan {
namespace {

using test::Draws;

// The promise: with at least 8 units per team, costs spread over a factor of 10 and true costs within 20 % of the expected
// ones, the last team ends within 5 % of the bound that no schedule beats, on each of 100 random sets.
TEST(Dispatcher, EndsWithinFivePercentOfTheBound) {
  double worst = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Draws draws(seed);
    const std::size_t teams = 2 + seed % 15;
    const std::size_t units = teams * (8 + seed % 3);
    const std::vector<double> expected = test::random_costs(draws, units);
    std::vector<double> real;
    for (const double cost : expected) real.push_back(cost * draws.uniform(0.8, 1.2));
    std::vector<int> trained(units, 0);
    const double end = test::play(
        std::vector<int>(teams, 1), units, [&](std::size_t u, int) { return expected[u]; },
        [&](std::size_t u, int) { return real[u]; }, &trained);
    EXPECT_EQ(trained, std::vector<int>(units, 1));
    const double total = std::accumulate(real.begin(), real.end(), 0.0);
    const double bound = std::max(total / static_cast<double>(teams), *std::ranges::max_element(real));
    worst = std::max(worst, end / bound);
    EXPECT_LE(end, 1.05 * bound) << "set " << seed;
  }
  RecordProperty("worst", std::to_string(worst));
  EXPECT_GT(worst, 1.0);  // no schedule beats the bound: below it the clock is wrong
}

// All costs wrong by the same factor: expected figures are in no known unit, only their ratios count.
TEST(Dispatcher, DoesNotMindACommonFactor) {
  Draws draws(7);
  const std::vector<double> costs = test::random_costs(draws, 24);
  const auto real = [&](std::size_t u, int) { return costs[u]; };
  const std::vector<int> sizes{2, 1, 1};
  const double right = test::play(sizes, 24, real, real);
  const double scaled = test::play(
      sizes, 24, [&](std::size_t u, int) { return 1000 * costs[u]; }, real);
  EXPECT_LE(scaled, 1.1 * right);  // until the first unit is done, the factor is unknown
}

TEST(Dispatcher, GivesTheLongestFirst) {
  const std::vector<double> costs{1, 5, 3, 2, 4, 1, 1, 1};
  Dispatcher dispatcher({1, 1}, costs.size(), [&](std::size_t u, int) { return costs[u]; });
  EXPECT_EQ(dispatcher.next(0, 0), 1U);
  EXPECT_EQ(dispatcher.next(1, 0), 4U);
  EXPECT_EQ(dispatcher.next(1, 4), 2U);
}

// A team four times as slow is not given the one unit that everybody would then wait for.
TEST(Dispatcher, ASmallTeamDoesNotTakeWhatALargeOneDoesSooner) {
  const std::vector<double> costs{8, 8};
  Dispatcher dispatcher({4, 1}, costs.size(), [&](std::size_t u, int ranks) { return costs[u] / ranks; });
  EXPECT_EQ(dispatcher.next(1, 0), std::nullopt);
  EXPECT_TRUE(dispatcher.next(0, 0).has_value());
  EXPECT_TRUE(dispatcher.next(0, 2).has_value());
  EXPECT_EQ(dispatcher.left(), 0U);
}

// Whatever happens, the last team at work takes all that is left.
TEST(Dispatcher, EveryUnitIsTrainedOnceWhateverTheTimes) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Draws draws(seed);
    const std::vector<double> costs = test::random_costs(draws, 1 + seed % 20);
    std::vector<int> sizes;
    for (std::uint64_t t = 0; t <= seed % 5; ++t) sizes.push_back(1 + static_cast<int>(draws.uniform(0, 4)));
    std::vector<int> trained(costs.size(), 0);
    test::play(
        sizes, costs.size(), [&](std::size_t u, int ranks) { return costs[u] / ranks; },
        [&](std::size_t u, int) { return draws.uniform(0, 30) * costs[u]; }, &trained);
    EXPECT_EQ(trained, std::vector<int>(costs.size(), 1)) << seed;
  }
}

}  // namespace
}  // namespace layersweep::plan
