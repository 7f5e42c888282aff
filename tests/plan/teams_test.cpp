// Few units: the planner's teams against all there are.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "plan/schedule.hpp"
#include "support.hpp"

namespace layersweep::plan {
namespace {

using test::Draws;

// A team of n ranks works on 8 shards, and pays a little for every doubling.
double on_team(double cost, int ranks, double message_share) {
  const int most_shards = (8 + ranks - 1) / ranks;
  return cost * (most_shards / 8.0 + message_share * std::log2(ranks));
}

// The earliest end over all divisions of at most `ranks` ranks into teams and all placements of the units.
class Exhaustive {
 public:
  Exhaustive(std::size_t units, const UnitSeconds& seconds) : units_(units), seconds_(seconds) {}

  double best(int ranks) {
    for (int used = 1; used <= ranks; ++used) divide(used, used);
    return best_;
  }

 private:
  void divide(int left, int most) {
    if (left == 0) {
      std::vector<double> end(sizes_.size(), 0);
      place(0, end);
      return;
    }
    if (sizes_.size() == units_) return;
    for (int next = std::min(left, most); next >= 1; --next) {
      sizes_.push_back(next);
      divide(left - next, next);
      sizes_.pop_back();
    }
  }

  void place(std::size_t unit, std::vector<double>& end) {
    if (unit == units_) {
      best_ = std::min(best_, *std::ranges::max_element(end));
      return;
    }
    for (std::size_t team = 0; team < sizes_.size(); ++team) {
      const double took = seconds_(unit, sizes_[team]);
      end[team] += took;
      place(unit + 1, end);
      end[team] -= took;
    }
  }

  std::size_t units_;
  const UnitSeconds& seconds_;
  std::vector<int> sizes_;
  double best_ = std::numeric_limits<double>::infinity();
};

double planned(const std::vector<int>& sizes, std::size_t units, const UnitSeconds& seconds) {
  return test::play(sizes, units, seconds, seconds);
}

TEST(ChooseTeams, IsWithinFivePercentOfTheBestOfAll) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Draws draws(seed);
    const std::size_t units = 1 + seed % 6;
    const int ranks = 1 + static_cast<int>(seed / 6) % 10;
    const double message_share = draws.uniform(0, 0.03);
    const std::vector<double> costs = test::random_costs(draws, units);
    const UnitSeconds seconds = [&](std::size_t u, int n) { return on_team(costs[u], n, message_share); };
    const std::vector<int> sizes = choose_teams(units, ranks, {8}, seconds);
    EXPECT_LE(std::accumulate(sizes.begin(), sizes.end(), 0), ranks);
    EXPECT_LE(planned(sizes, units, seconds), 1.05 * Exhaustive(units, seconds).best(ranks)) << "set " << seed;
  }
}

// Beyond 16 ranks not everything is tried.
TEST(ChooseTeams, IsCloseToTheBestWithMoreRanks) {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Draws draws(100 + seed);
    const std::size_t units = 2 + seed % 3;
    const int ranks = 17 + static_cast<int>(seed);
    const double message_share = draws.uniform(0, 0.03);
    const std::vector<double> costs = test::random_costs(draws, units);
    const UnitSeconds seconds = [&](std::size_t u, int n) { return on_team(costs[u], n, message_share); };
    const std::vector<int> sizes = choose_teams(units, ranks, {8}, seconds);
    EXPECT_LE(planned(sizes, units, seconds), 1.05 * Exhaustive(units, seconds).best(ranks)) << "set " << seed;
  }
}

TEST(ChooseTeams, ManyUnitsMakeSmallTeamsAndOneUnitALargeOne) {
  const UnitSeconds seconds = [](std::size_t, int n) { return on_team(1, n, 0.01); };
  EXPECT_EQ(choose_teams(64, 4, {8}, seconds), (std::vector<int>{1, 1, 1, 1}));
  EXPECT_EQ(choose_teams(1, 4, {8}, seconds), (std::vector<int>{4}));
  EXPECT_EQ(choose_teams(2, 4, {8}, seconds), (std::vector<int>{2, 2}));
  for (const int size : choose_teams(2, 1024, {8}, seconds)) EXPECT_LE(size, 8);
}

// As far as there are so many ranks, teams are whole multiples.
TEST(ChooseTeams, KeepsBlocksOfRanksTogether) {
  const UnitSeconds seconds = [](std::size_t, int n) { return on_team(1, n, 0.01); };
  EXPECT_EQ(choose_teams(4, 8, {24, 3}, seconds), (std::vector<int>{3, 3}));
  EXPECT_EQ(choose_teams(1, 8, {24, 3}, seconds), (std::vector<int>{6}));
  EXPECT_EQ(choose_teams(2, 2, {24, 3}, seconds), (std::vector<int>{2}));
  for (const int size : choose_teams(3, 100, {24, 3}, seconds)) EXPECT_EQ(size % 3, 0);
}

// Where messages cost more than they save, ranks are left out.
TEST(ChooseTeams, LeavesOutRanksThatDoNotHelp) {
  const UnitSeconds seconds = [](std::size_t, int n) { return on_team(1, n, 1.0); };
  EXPECT_EQ(choose_teams(1, 4, {8}, seconds), (std::vector<int>{1}));
}

// For equal teams: what branch and bound finds is no worse than longest first, and puts each unit somewhere once.
TEST(Assign, PlacesEveryUnitOnceAndReportsItsEnd) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Draws draws(seed);
    const std::vector<double> costs = test::random_costs(draws, 9);
    std::vector<std::size_t> units(costs.size());
    std::iota(units.begin(), units.end(), std::size_t{0});
    const std::vector<FreeTeam> teams{{1, 0.5}, {2, 0}, {1, 3}};
    const UnitSeconds seconds = [&](std::size_t u, int n) { return costs[u] / n; };
    const Assignment found = assign(units, teams, seconds);
    std::vector<std::size_t> placed;
    double end = 0;
    for (std::size_t t = 0; t < teams.size(); ++t) {
      double now = teams[t].ready_s;
      for (const std::size_t unit : found.units[t]) {
        now += seconds(unit, teams[t].ranks);
        placed.push_back(unit);
      }
      end = std::max(end, now);
    }
    std::ranges::sort(placed);
    EXPECT_EQ(placed, units);
    EXPECT_NEAR(found.end_s, end, 1e-9);  // sums in another order
    EXPECT_LE(found.end_s, assign(units, teams, seconds, 0).end_s);
  }
}

}  // namespace
}  // namespace layersweep::plan
