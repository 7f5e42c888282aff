// Collectives on the memory of GPUs: a communicator's gates and limit, NCCL's transport. NCCL is the library that LibTorch
// loads; its ranks find each other through MPI.
//
// A collective waits until this rank's GPU has done all that was put on the stream before, then at a gate,
// so that a GPU that hangs is named like a rank that does, and then, polling, for the data. When NCCL reports an error or a
// limit passes, the communicator is aborted and the error thrown; when even aborting does not end, the process does.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "comm/communicator.hpp"

namespace layersweep::comm {

/// A cudaStream_t; null is the default stream.
using DeviceStream = void*;

/// Values in the memory of a GPU: not for this processor to read.
template <class T>
struct DeviceSpan {
  T* data = nullptr;
  std::size_t count = 0;
};

/// A call of NCCL or CUDA that failed, or a build without them. Names the call, the library's text, the rank and the host.
class DeviceError : public base::InputError {
 public:
  using InputError::InputError;
};

/// A cheap handle, like a communicator. After a failure the team is of no further use. The last handle gone ends NCCL in
/// order, within the team's limit. A team of one rank is the identity and never calls NCCL.
class DeviceTeam {
 public:
  /// `device` is this rank's GPU (device::assign_gpus), which becomes current; no two ranks may share one. Collective;
  /// throws DeviceError, and InputError as a communicator does.
  DeviceTeam(const Communicator& ranks, int device);

  int rank() const;  ///< Independent.
  int size() const;  ///< Independent.

  /// In place, in an order of NCCL's choice, with the same bits on every rank; the sum is there on return. Collective;
  /// throws as above. `purpose` completes "did not arrive at …".
  void all_reduce_sum(DeviceSpan<float> values, DeviceStream stream, std::string_view purpose = "a sum over GPUs") const;
  void all_reduce_sum(DeviceSpan<double> values, DeviceStream stream, std::string_view purpose = "a sum over GPUs") const;

  /// Everyone gets purpose `root` holds. Collective, as above.
  void broadcast(DeviceSpan<std::byte> bytes, int root, DeviceStream stream) const;

  const Communicator& ranks() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace layersweep::comm
