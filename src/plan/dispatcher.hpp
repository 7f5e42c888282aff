// Which unit a team trains next. Decided whenever a team is free: the units left are planned anew from the times measured so
// far.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "plan/schedule.hpp"

namespace layersweep::plan {

class Dispatcher {
 public:
  /// Teams of these sizes share units 0 … `units` − 1. Expected times may be in any unit as long as `now` is in the same.
  Dispatcher(std::vector<int> team_sizes, std::size_t units, UnitSeconds seconds);

  /// The team is free at time `now` and gets a unit. It gets none, now or later, when the other teams will finish the rest
  /// sooner. With teams of one size it is the longest unit left.
  std::optional<std::size_t> next(std::size_t team, double now);

  /// The team will not ask again. Its present unit counts as ended.
  void leave(std::size_t team);

  /// Units that no team has taken.
  std::size_t left() const { return left_.size(); }

 private:
  std::vector<FreeTeam> teams_;
  std::vector<std::size_t> left_;
  UnitSeconds seconds_;
  double scale_ = 1;  // real over expected time of what was done so far
  double done_expected_ = 0, done_real_ = 0;
  struct Running {
    double start = 0;
    double expected = 0;
  };
  std::vector<std::optional<Running>> running_;
  std::vector<bool> retired_;
};

}  // namespace layersweep::plan
