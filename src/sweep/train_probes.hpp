// The training loop of one unit: every step updates every point and seed from one clean and one staircase pass.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "config/experiment.hpp"
#include "data/corpus.hpp"
#include "model/model.hpp"
#include "plan/unit.hpp"
#include "sweep/ranks.hpp"
#include "sweep/trained_unit.hpp"
#include "sweep/training_checkpoints.hpp"

namespace layersweep::sweep {

/// A line of progress; means over the seeds that still train.
struct Progress {
  std::int64_t step = 0;
  std::int64_t total_steps = 0;
  double pairs_per_second = 0;  ///< (sentence, point) pairs of each seed since the last line, everything counted
  double elapsed_s = 0;
  double remaining_s = 0;
  std::vector<double> kl, keep_share, alpha;  ///< per point, under sampled gates, since the last line
};
using OnProgress = std::function<void(const Progress&)>;

/// What a unit is trained with. Refers to the model, the texts and the settings.
struct UnitTraining {
  const model::Model& model;
  const data::Corpus& train;
  const data::Corpus& dev;
  plan::Unit unit;
  const config::Probe& settings;
  std::int64_t token_budget;
  std::vector<at::Tensor> replacements;  ///< per point, where the replacement vectors start
};

/// Trains a unit on the model's device. Collective over the ranks; every rank returns the same. Progress is reported every
/// 10 steps, on every rank. With checkpoints it goes on from the newest one, to the same bits as if it had never stopped,
/// and throws Stopped (sweep/stop_and_checkpoint_clock.hpp) on all ranks, after a checkpoint, when the job is to end: after
/// a step, or within a validation or calibration, which is then done anew.
TrainedUnit train_unit(const Ranks& ranks, const UnitTraining& training, const OnProgress& on_progress,
                       const std::optional<CheckpointSettings>& checkpoints = std::nullopt);

/// What the learning rates of probes and replacement vectors are multiplied by at `step` of 1 .. `steps`: rises over the
/// warm-up, falls over the cool-down.
double rate_factor(const config::Probe& settings, std::int64_t step, std::int64_t steps);

}  // namespace layersweep::sweep
