// NCCL and the CUDA runtime behind plain types, for this room's sources only. nccl_communicator.cpp alone includes their
// headers; without_cuda.cpp takes its place in a build without. Nothing here waits for another rank, and all failures throw
// DeviceError.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "comm/device_team.hpp"

namespace layersweep::comm {

/// One rank's end of a group that NCCL connects. NCCL works behind a call that has returned: only when is_ready() says so
/// may the next be made, abort() excepted.
class NcclCommunicator {
 public:
  /// Throws where the library in use is older than this build's header. Independent.
  static void require_library();

  /// Bytes by which the ranks of one group find each other; made by one of them.
  static std::string make_id();

  /// Begins to connect. `size` ranks call this with the same id, each with a GPU of its own.
  NcclCommunicator(const std::string& id, int rank, int size, int device);
  /// Aborts what was not destroyed.
  ~NcclCommunicator();
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  /// Whether the last call is through: connected, put on the stream, or finalised. Throws what has failed, also on the way
  /// of data that already move.
  bool is_ready() const;

  /// Put a collective operation on the stream, in place.
  void start_sum(DeviceSpan<float> values, DeviceStream stream);
  void start_sum(DeviceSpan<double> values, DeviceStream stream);
  void start_broadcast(DeviceSpan<std::byte> bytes, int root, DeviceStream stream);

  /// The end in order: finalize, and when that is through, destroy.
  void start_finalize();
  void destroy();

  /// Stops whatever moves and releases everything; may wait for the GPU. Never throws.
  void abort() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Makes the GPU with this number the one this thread works on.
void use_device(int device);

/// Whether the GPU has done all work that was put on the stream.
bool is_idle(DeviceStream stream);

/// Floats in the memory of the current GPU.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(std::size_t count);
  ~DeviceBuffer();
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  DeviceSpan<float> span() const { return {data_, count_}; }
  /// As many values as the buffer holds. Both in the order of the stream.
  void copy_from(const float* values, DeviceStream stream);
  void clear(DeviceStream stream);

 private:
  float* data_ = nullptr;
  std::size_t count_;
};

}  // namespace layersweep::comm
