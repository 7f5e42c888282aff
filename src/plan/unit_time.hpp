// How long a team of ranks needs for a unit, and where the time goes.
#pragma once

#include "plan/calibration.hpp"
#include "plan/schedule.hpp"
#include "plan/work.hpp"

namespace layersweep::plan {

struct UnitTime {
  double training_s = 0;    ///< passes of the rank with most shards
  double validation_s = 0;  ///< the same on development texts, and what follows the training on them
  double optimiser_s = 0;   ///< every rank of a point group does all of it
  double messages_s = 0;

  double total_s() const { return training_s + validation_s + optimiser_s + messages_s; }
};

/// The rank with most shards of the point group with most to do sets the time.
UnitTime unit_time(const UnitWork& work, const Calibration& calibration, int shards, int ranks);

/// The teams of use for these units: up to every shard of every point group on a rank of its own, and such that the wanted
/// groups divide them.
TeamSizes team_sizes(const std::vector<UnitWork>& units, int shards);

/// Seconds of `pass` on a team.
double pass_seconds(const Pass& pass, const PassSpeed& speed, int shards, int ranks);

}  // namespace layersweep::plan
