// Memory of a rank that trains a unit, estimated from sizes.
#pragma once

#include "plan/lengths.hpp"
#include "plan/model.hpp"
#include "plan/work.hpp"

namespace layersweep::plan {

struct RankMemory {
  double program_bytes = 0;  ///< the program and its libraries
  double weights_bytes = 0;  ///< of the frozen model
  double probes_bytes = 0;   ///< parameters, optimiser, snapshots, gradients and their sums
  double passes_bytes = 0;   ///< the unmasked states and what the largest masked pass keeps for its backward pass

  double total_bytes() const { return program_bytes + weights_bytes + probes_bytes + passes_bytes; }
};

/// Of a rank of `ranks` while it fine-tunes the model: weights with their optimiser, gradients and their sums, and what
/// the longest texts of its shards keep for their backward passes.
double finetune_bytes(const Model& model, const Lengths& texts, const config::Experiment& experiment, int ranks);

/// For the longest texts, on a rank of the group of points that needs most, with run.threads threads.
RankMemory rank_memory(const UnitWork& work, const ProbedModel& probed, const TextBatch& batch, const config::Run& run,
                       const std::vector<PointGroup>& groups);

}  // namespace layersweep::plan
