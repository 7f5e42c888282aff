// The training loop of one unit: every step updates every point and seed from one clean and one staircase pass.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/experiment.hpp"
#include "data/corpus.hpp"
#include "model/model.hpp"
#include "sweep/team.hpp"
#include "sweep/trained_unit.hpp"
#include "sweep/unit.hpp"

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

struct TrainingTexts {
  const data::Corpus& train;
  const data::Corpus& dev;
};

/// Where a training is kept while it goes on, and how often.
struct Safekeeping {
  std::filesystem::path folder;  ///< the unit's
  std::string identity;          ///< hash of the experiment
  double interval_s = 300;       ///< as run.checkpoint_seconds
};

/// Trains a unit on the model's device. `replacements` are the starting replacement vectors, per point. Collective over
/// the team; every rank returns the same. Progress is reported every 10 steps, on every rank. With `safekeeping` it goes on
/// from the newest checkpoint, to the same bits as if it had never stopped, and throws Stopped (sweep/pace.hpp) on all
/// ranks, after a checkpoint, when the job is to end: after a step, or within a validation or calibration, which is then
/// done anew.
TrainedUnit train_unit(const Team& ranks, const model::Model& model, const TrainingTexts& texts, const Unit& unit,
                       const config::Probe& settings, std::int64_t token_budget, const std::vector<at::Tensor>& replacements,
                       const OnProgress& on_progress, const std::optional<Safekeeping>& safekeeping = std::nullopt);

/// Steps that `train_unit` takes if nothing stops early.
std::int64_t planned_steps(const config::Probe& settings, std::int64_t train_examples);

/// What the learning rates of probes and replacement vectors are multiplied by at `step` of 1 .. `steps`: rises over the
/// warm-up, falls over the cool-down.
double rate_factor(const config::Probe& settings, std::int64_t step, std::int64_t steps);

}  // namespace layersweep::sweep
