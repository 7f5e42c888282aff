#include "plan/scaling.hpp"

#include <algorithm>
#include <numeric>

#include "plan/unit_time.hpp"

namespace layersweep::plan {

UnitSeconds unit_seconds(const std::vector<UnitWork>& units, const Calibration& calibration, int shards) {
  return [units, calibration, shards](std::size_t unit, int ranks) {
    return unit_time(units[unit], calibration, shards, ranks).total_s();
  };
}

Schedule schedule_units(const std::vector<UnitWork>& units, const Calibration& calibration, int shards, int ranks) {
  const UnitSeconds seconds = unit_seconds(units, calibration, shards);
  const std::vector<int> sizes = choose_teams(units.size(), ranks, team_sizes(units, shards), seconds);
  std::vector<FreeTeam> teams;
  for (const int size : sizes) teams.push_back({size, 0});
  std::vector<std::size_t> all(units.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return {sizes, assign(all, teams, seconds)};
}

Scaling predict(const std::vector<UnitWork>& units, const Calibration& calibration, int shards, int ranks) {
  const auto [teams, plan] = schedule_units(units, calibration, shards, ranks);
  Scaling result;
  result.ranks = ranks;
  result.teams = teams;
  result.seconds = plan.end_s;

  double useful = 0, busy = 0, uneven = 0, repeated = 0, messages = 0;
  for (std::size_t t = 0; t < teams.size(); ++t) {
    for (const std::size_t unit : plan.units[t]) {
      const double size = teams[t];
      const UnitTime alone = unit_time(units[unit], calibration, shards, 1);
      const UnitTime here = unit_time(units[unit], calibration, shards, teams[t]);
      useful += alone.total_s();
      busy += size * here.total_s();
      uneven += size * (here.training_s + here.validation_s) - alone.training_s - alone.validation_s;
      repeated += size * here.optimiser_s - alone.optimiser_s;
      messages += size * here.messages_s;
    }
  }
  const double available = ranks * plan.end_s;
  result.efficiency = useful / available;
  result.idle = (available - busy) / available;
  result.shards = uneven / available;
  result.repeated = repeated / available;
  result.messages = messages / available;
  return result;
}

}  // namespace layersweep::plan
