// All that the training of a unit carries from one step to the next; the same on every rank of its team.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "config/experiment.hpp"
#include "plan/unit.hpp"
#include "probe/optimiser.hpp"
#include "probe/parameters.hpp"
#include "sweep/snapshots.hpp"
#include "sweep/trained_unit.hpp"

namespace layersweep::sweep {

struct TrainingState {
  /// Before the first step. `replacements` are the starting replacement vectors, per point. All that is flat lies on
  /// `device`, all that is P x S in the host's memory.
  TrainingState(const plan::Unit& unit, const std::vector<std::int64_t>& widths, const config::Probe& settings,
                const std::vector<at::Tensor>& replacements, at::Device device);

  probe::ProbeLayout layout;
  at::Tensor parameters;            ///< flat
  at::Tensor alpha;                 ///< P x S, the multipliers
  at::Tensor active;                ///< P x S bool, cells that still train
  at::Tensor steps;                 ///< P x S int64, steps trained until the cell stopped
  CellTable<terms::Status> status;  ///< trained or not_finite
  std::vector<Validation> curve;
  probe::LookaheadRmsprop probe_optimiser;  ///< of `parameters`
  probe::LookaheadRmsprop alpha_optimiser;  ///< of `alpha`
  Snapshots snapshots;

  std::int64_t step = 0;        ///< steps taken
  std::int64_t epoch = 0;       ///< where the next one's batch lies: the pass over the texts
  std::int64_t next_batch = 0;  ///< and the place in it
  double trained_s = 0;         ///< time spent training, over all starts
};

}  // namespace layersweep::sweep
