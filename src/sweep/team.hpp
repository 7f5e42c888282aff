// The ranks that train one unit together, and how they share a global batch.
#pragma once

#include <functional>

#include "comm/communicator.hpp"
#include "comm/gradient_reducer.hpp"
#include "data/batches.hpp"

namespace layersweep::sweep {

struct Team {
  comm::Communicator ranks;
  int shards = 8;
  comm::GradientReducer::Mode reduction = comm::GradientReducer::Mode::plain;
  double limit_s = 600;  ///< how long a rank waits for the others at a step
  /// Called by each rank between two pieces of work and while it waits for the others; what it throws, on whatever rank,
  /// ends the team's work.
  std::function<void()> attend = [] {};
  /// Called by all ranks together between two pieces of an evaluation; may throw the same on all of them.
  std::function<void()> between_pieces = [] {};

  /// The ranks with the team's limit. Collective.
  comm::TimedTeam timed() const { return {ranks, limit_s, attend}; }

  /// The shards of every global batch that this rank computes.
  data::ShardRange my_shards() const { return data::shards_of_rank(shards, ranks.rank(), ranks.size()); }

  /// A reducer for buffers of `count` floats, summed over shards and ranks. Collective.
  comm::GradientReducer reducer(std::int64_t count) const;
};

}  // namespace layersweep::sweep
