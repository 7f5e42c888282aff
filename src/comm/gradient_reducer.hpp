// The gradient of a step, summed over the virtual shards of all ranks of a team: in the memory of hosts over MPI, or in that
// of GPUs over NCCL.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "comm/communicator.hpp"

namespace layersweep::comm {

class DeviceTeam;            // comm/device_team.hpp
using DeviceStream = void*;  // a cudaStream_t

/// One reducer serves all steps of a team: add this rank's shards, then sum.
class GradientReducer {
 public:
  enum class Mode {
    plain,          ///< the MPI library's all-reduce: bits depend on the number of ranks
    deterministic,  ///< a fixed tree over shard numbers: the same bits for every number of ranks
  };

  /// Of 0 … shards−1 this rank computes [begin, end) (data::shards_of_rank). The ranges of the ranks are contiguous, in
  /// order, and cover all shards; a range may be empty.
  struct Share {
    int shards = 1;
    int begin = 0;
    int end = 1;
  };

  /// `count` values per gradient. Collective.
  GradientReducer(Communicator team, Mode mode, Share share, std::size_t count);

  /// sum[i] += addend[i] for `count` values in the memory of a GPU, on the reducer's stream: from a room with LibTorch.
  using DeviceAdd = std::function<void(float* sum, const float* addend, std::size_t count)>;

  /// The same for gradients in the memory of the team's GPUs, where add() reads and sum() answers, both in the order of
  /// `stream`. Mode::plain only: the order of the sum is NCCL's. (For Mode::deterministic copy the gradients to the host.)
  /// Collective.
  GradientReducer(DeviceTeam team, DeviceStream stream, DeviceAdd add, Share share, std::size_t count);

  ~GradientReducer();
  GradientReducer(GradientReducer&&) noexcept;
  GradientReducer& operator=(GradientReducer&&) noexcept;

  /// Shards in ascending order; one without examples is left out. Independent.
  void add(int shard, std::span<const float> gradient);

  /// The sum over all shards, the same bits on every rank; ready for the next step's add, which ends the span's life.
  /// Collective.
  std::span<const float> sum();

 private:
  struct State;
  struct HostState;
  struct DeviceState;
  std::unique_ptr<State> state_;
};

}  // namespace layersweep::comm
