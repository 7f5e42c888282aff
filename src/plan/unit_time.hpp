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

/// The slowest rank sets the time: the one with most shards in the dearest point group.
UnitTime unit_time(const UnitWork& work, const Calibration& calibration, int shards, int ranks);

/// The largest useful team has a rank for every shard of every point group; team sizes are multiples of the wanted groups.
TeamSizes team_sizes(const std::vector<UnitWork>& units, int shards);

/// Seconds of `pass` on a team.
double pass_seconds(const Pass& pass, const PassSpeed& speed, int shards, int ranks);

}  // namespace layersweep::plan
