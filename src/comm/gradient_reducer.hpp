// The gradient of a step, summed over the virtual shards of all ranks of a team.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "comm/timed_team.hpp"

namespace layersweep::comm {

/// One reducer serves all steps of a team: add this rank's shards, then sum.
class GradientReducer {
 public:
  enum class Mode {
    plain,          ///< the MPI library's all-reduce: bits depend on the number of ranks
    deterministic,  ///< a fixed tree over shard numbers: the same bits for every number of ranks
  };

  /// This rank computes the shards [begin, end) (data::shards_of_rank); the ranges of the ranks are contiguous, in order,
  /// and cover 0 … shards−1; a range may be empty. `count` values per gradient. Collective.
  GradientReducer(TimedTeam team, Mode mode, int shards, int begin, int end, std::size_t count);
  ~GradientReducer();
  GradientReducer(GradientReducer&&) noexcept;
  GradientReducer& operator=(GradientReducer&&) noexcept;

  /// Shards in ascending order; one without examples is left out. Independent.
  void add(int shard, std::span<const float> gradient);

  /// The sum over all shards, the same bits on every rank; ready for the next step's add, which ends the span's life.
  /// Collective; throws InputError when a rank does not come within the team's limit.
  std::span<const float> sum();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace layersweep::comm
