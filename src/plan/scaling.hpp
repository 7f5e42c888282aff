// How well an experiment would use many ranks, and where rank-seconds are lost.
#pragma once

#include <vector>

#include "plan/calibration.hpp"
#include "plan/schedule.hpp"
#include "plan/work.hpp"

namespace layersweep::plan {

/// The training of all units on `ranks` ranks. Shares are of all rank-seconds until the last unit is done; with `efficiency`
/// they add up to 1.
struct Scaling {
  int ranks = 1;
  std::vector<int> teams;
  double seconds = 0;
  double efficiency = 0;  ///< useful: what the same units take on one rank
  double idle = 0;        ///< teams wait for the last one, or ranks have no team
  double shards = 0;      ///< shards do not divide evenly over the ranks of a team
  double repeated = 0;    ///< the optimiser runs on every rank of a team
  double messages = 0;
};

Scaling predict(const std::vector<UnitWork>& units, const Calibration& calibration, int shards, int ranks);

/// The units' expected times, for planning.
UnitSeconds unit_seconds(const std::vector<UnitWork>& units, const Calibration& calibration, int shards);

/// The teams that are expected to end soonest, and who trains what.
struct Schedule {
  std::vector<int> teams;  ///< ranks of each
  Assignment assignment;
};
Schedule schedule_units(const std::vector<UnitWork>& units, const Calibration& calibration, int shards, int ranks);

}  // namespace layersweep::plan
