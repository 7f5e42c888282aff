#include "plan/unit_time.hpp"

namespace layersweep::plan {

double pass_seconds(const Pass& pass, const PassSpeed& speed, int shards, int ranks) {
  const int most_shards = (shards + ranks - 1) / ranks;
  return most_shards * (pass.flops / shards / speed.flops_per_s + pass.pieces_per_shard * speed.s_per_pass);
}

UnitTime unit_time(const UnitWork& work, const Calibration& calibration, int shards, int ranks) {
  const ModeSpeed& speed = calibration.of(work.mode);
  const auto steps = static_cast<double>(work.steps);
  const auto validations = static_cast<double>(work.validations);
  UnitTime time;
  time.training_s = steps * pass_seconds(work.step, speed.train, shards, ranks);
  time.validation_s = (validations * work.validation_batches + work.judged_batches) *
                          pass_seconds(work.batch_of_validation, speed.evaluate, shards, ranks) +
                      work.search_batches * pass_seconds(work.batch_of_search, speed.evaluate, shards, ranks);
  time.optimiser_s = steps * (calibration.s_per_step + calibration.s_per_parameter * static_cast<double>(work.parameters));
  time.messages_s = steps * sum_seconds(calibration.messages, ranks, static_cast<double>(work.summed));
  return time;
}

}  // namespace layersweep::plan
