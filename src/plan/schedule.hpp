// Which team trains which unit. Teams may differ in size; what a unit costs depends on the size.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace layersweep::plan {

/// Expected seconds of a unit on a team of so many ranks.
using UnitSeconds = std::function<double(std::size_t unit, int ranks)>;

struct Team {
  int ranks = 1;
  double ready_s = 0;  ///< when it is free
};

struct Assignment {
  std::vector<std::vector<std::size_t>> units;  ///< per team, longest first
  double end_s = 0;                             ///< when the last team is done, if all goes as expected
};

/// Ends as early as found: longest unit first to the team that would finish it first, then better ones by branch and bound
/// as far as a limited search goes. For few units that is the best there is; for many, the first is close to it.
/// `tries` bounds the search: 20,000 are enough for all placements of a dozen units on a few teams.
Assignment assign(const std::vector<std::size_t>& units, const std::vector<Team>& teams, const UnitSeconds& seconds,
                  int tries = 20'000);

/// What sizes a team may have.
struct TeamSizes {
  int most = 1;         ///< larger ones are of no use
  int multiple_of = 1;  ///< as far as there are so many ranks
};

/// The sizes of the teams, at most `ranks` in total, that train units 0 … `units` − 1 soonest: many units make many small
/// teams, few units large ones. In falling order.
std::vector<int> choose_teams(std::size_t units, int ranks, TeamSizes allowed, const UnitSeconds& seconds);

}  // namespace layersweep::plan
