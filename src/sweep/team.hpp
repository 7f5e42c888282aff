// The ranks that train one unit together, and how they share a global batch.
#pragma once

#include <memory>

#include "comm/communicator.hpp"
#include "comm/gradient_reducer.hpp"
#include "data/batches.hpp"

namespace layersweep::sweep {

struct Team {
  comm::Communicator ranks;
  int shards = 8;
  comm::GradientReducer::Mode reduction = comm::GradientReducer::Mode::plain;
  double limit_s = 600;  ///< how long a rank waits for the others at a step

  /// The shards of every global batch that this rank computes.
  data::ShardRange my_shards() const { return data::shards_of_rank(shards, ranks.rank(), ranks.size()); }

  /// A reducer for buffers of `count` floats, summed over shards and ranks. Collective.
  comm::GradientReducer reducer(std::int64_t count) const;
};

}  // namespace layersweep::sweep
