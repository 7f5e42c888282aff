#include "plan/unit_time.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace layersweep::plan {

double pass_seconds(const Pass& pass, const PassSpeed& speed, int shards, int ranks) {
  base::ensure(shards > 0 && ranks > 0, "a pass of no shards, or on no ranks");
  const int most_shards = (shards + ranks - 1) / ranks;
  return most_shards * (pass.flops / shards / speed.flops_per_s + pass.pieces_per_shard * speed.s_per_pass);
}

UnitTime unit_time(const UnitWork& work, const Calibration& calibration, int shards, int ranks) {
  const ModeSpeed& speed = calibration.of(work.mode);
  const auto steps = static_cast<double>(work.steps);
  const auto validations = static_cast<double>(work.validations);
  const Grouping& grouping = grouping_of(work, shards, ranks);
  const auto groups = static_cast<int>(grouping.points.size());
  const int group_ranks = ranks / groups;
  UnitTime time;
  time.training_s = steps * pass_seconds(grouping.step, speed.train, shards, group_ranks);
  time.validation_s = (validations * work.validation_batches + work.judged_batches) *
                          pass_seconds(grouping.batch_of_validation, speed.evaluate, shards, group_ranks) +
                      work.search_batches * pass_seconds(work.batch_of_search, speed.evaluate, shards, ranks);
  time.optimiser_s = steps * (calibration.s_per_step + calibration.s_per_parameter * grouping.trained);
  // In hidden mode each point group sums its own gradients, then all ranks sum the figures. Otherwise all ranks sum both.
  const auto figures = static_cast<double>(3 * work.copies);
  const bool apart = groups > 1 && work.mode == terms::Mode::hidden;
  const double sums = apart ? sum_seconds(calibration.messages, group_ranks, grouping.trained + figures / groups) +
                                  sum_seconds(calibration.messages, ranks, figures)
                            : sum_seconds(calibration.messages, ranks, grouping.trained + figures);
  time.messages_s = steps * sums;
  return time;
}

TeamSizes team_sizes(const std::vector<UnitWork>& units, int shards) {
  TeamSizes sizes{shards, 1};
  for (const UnitWork& unit : units) {
    sizes.most = std::max(sizes.most, shards * static_cast<int>(unit.groupings.size()));
    sizes.multiple_of = std::max(sizes.multiple_of, unit.wanted_groups);
  }
  return sizes;
}

}  // namespace layersweep::plan
