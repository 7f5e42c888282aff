// Which team trains which unit. Teams may differ in size; what a unit costs depends on the size.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace layersweep::plan {

/// Expected seconds of a unit on a team of so many ranks.
using UnitSeconds = std::function<double(std::size_t unit, int ranks)>;

struct FreeTeam {
  int ranks = 1;
  double ready_s = 0;  ///< when it is free
};

struct Assignment {
  std::vector<std::vector<std::size_t>> units;  ///< per team, longest first
  double end_s = 0;                             ///< when the last team is done, if all goes as expected
};

/// The assignment that ends earliest, as far as found. The first one gives the longest unit first to the team that would
/// finish it first; branch and bound then looks for better ones, with at most `tries` placements. 20,000 are enough for all
/// placements of a dozen units on a few teams; with many units the first assignment is already close to the best.
Assignment assign(const std::vector<std::size_t>& units, const std::vector<FreeTeam>& teams, const UnitSeconds& seconds,
                  int tries = 20'000);

/// Sizes that a team may have.
struct TeamSizes {
  int most = 1;         ///< larger teams are not faster
  int multiple_of = 1;  ///< where there are so many ranks
};

/// The sizes of the teams, at most `ranks` in total, that train units 0 … `units` − 1 soonest: many units make many small
/// teams, few units large ones. In falling order.
std::vector<int> choose_teams(std::size_t units, int ranks, TeamSizes allowed, const UnitSeconds& seconds);

}  // namespace layersweep::plan
