// How long a team of ranks needs for a unit, and where the time goes.
#pragma once

#include "plan/calibration.hpp"
#include "plan/work.hpp"

namespace layersweep::plan {

struct UnitTime {
  double training_s = 0;    ///< passes of the rank with most shards
  double validation_s = 0;  ///< the same on development texts, and what follows the training on them
  double optimiser_s = 0;   ///< every rank does all of it
  double messages_s = 0;

  double total_s() const { return training_s + validation_s + optimiser_s + messages_s; }
};

/// More ranks than shards do not help: the rank with most shards sets the time.
UnitTime unit_time(const UnitWork& work, const Calibration& calibration, int shards, int ranks);

/// Seconds of `pass` on a team.
double pass_seconds(const Pass& pass, const PassSpeed& speed, int shards, int ranks);

}  // namespace layersweep::plan
