// The ranks that train one unit together, and how they share a global batch.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/log.hpp"
#include "comm/communicator.hpp"
#include "comm/gradient_reducer.hpp"
#include "comm/timed_team.hpp"
#include "data/batches.hpp"
#include "probe/parameters.hpp"

namespace layersweep::sweep {

struct Team {
  /// With point groups group after group, each of as many ranks.
  comm::Communicator ranks;
  /// The same ranks with the limit of their waiting, made once: making it is a collective call without a limit, in which a
  /// rank would wait in vain for one that failed. It attends between two looks.
  comm::TimedTeam timed;
  int shards = 8;
  comm::GradientReducer::Mode reduction = comm::GradientReducer::Mode::plain;
  /// Called by all ranks together between two pieces of an evaluation; may throw the same on all of them.
  std::function<void()> between_pieces = [] {};
  /// A line for people about the team's work, said by all its ranks and shown once.
  std::function<void(const std::string& line)> say = [](const std::string& line) { base::world_info(line); };

  /// This rank's GPU, where gradients are summed in the memory of GPUs, over NCCL; none: they come to the host first, as a
  /// deterministic reduction always has it.
  std::optional<int> gpu = {};

  /// The points that each group of ranks carries through its passes, contiguous, in order; none: every rank carries all.
  /// Within a group ranks share the batch.
  std::vector<probe::PointRange> point_groups = {};

  int groups() const { return point_groups.empty() ? 1 : static_cast<int>(point_groups.size()); }
  int my_group() const { return ranks.rank() / ranks_per_group(); }
  bool leads_group() const { return ranks.rank() % ranks_per_group() == 0; }
  probe::PointRange my_points() const {
    return point_groups.empty() ? probe::PointRange{} : point_groups[static_cast<std::size_t>(my_group())];
  }

  /// The shards of every global batch that this rank computes, of its points.
  data::ShardRange my_shards() const {
    return data::shards_of_rank(shards, ranks.rank() % ranks_per_group(), ranks_per_group());
  }

  /// A reducer for buffers of `count` floats, summed over shards and ranks; without point groups.
  comm::GradientReducer reducer(std::int64_t count) const;

 private:
  int ranks_per_group() const { return ranks.size() / groups(); }
};

}  // namespace layersweep::sweep
