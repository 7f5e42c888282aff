// What a team sums at every training step: over the shards of the batch, and over its point groups.
//
// Hidden mode: points share nothing, so each group sums the gradients of its own probes among its own ranks, and only the
// few figures of every point go to all. The group then keeps just its own probes up to date; complete() brings all together.
// Input mode: the gate of probe i is part of the masks of all points from i on, so its gradient is summed over the groups.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "comm/gradient_reducer.hpp"
#include "probe/objective.hpp"
#include "probe/parameters.hpp"
#include "sweep/ranks.hpp"

namespace layersweep::sweep {

class StepReducer {
 public:
  /// Of sums that lie on `device`. Collective. The arguments must live as long.
  StepReducer(const Ranks& ranks, const probe::ProbeLayout& layout, at::Device device = at::kCPU);

  /// What this rank found for a shard of its own, in ascending order. Independent.
  void add(int shard, const probe::StepSums& part);

  /// The sums of the step: the figures of all points, and the gradients of own(); other gradients are 0. Collective; as
  /// every collective.
  probe::StepSums sum();

  /// The stretches of a flat buffer of probe parameters that this rank trains.
  const std::vector<probe::Slice>& own() const { return own_; }

  /// Brings flat buffers of probe parameters, in which every group has its own stretches, to the same bits on all ranks.
  /// Collective.
  void complete(const std::vector<at::Tensor>& buffers) const;

 private:
  at::Tensor packed(const at::Tensor& flat) const;
  comm::GradientReducer reducer_of(const comm::Communicator& ranks, comm::GradientReducer::Share share) const;

  const Ranks& ranks_;
  const probe::ProbeLayout& layout_;
  at::Device device_;
  bool sums_on_gpus_;                     // over NCCL; else gradients come to the host
  bool groups_are_apart_;                 // each group sums by itself
  std::vector<probe::Slice> own_, sent_;  // of parameters; of StepSums, what one reduction sums
  std::optional<comm::GradientReducer> reducer_;
  int first_shard_ = 0;  // of this rank's group among those of all groups
};

}  // namespace layersweep::sweep
