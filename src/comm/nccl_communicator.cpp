#include "comm/nccl_communicator.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nccl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "comm/nccl_versions.hpp"

static_assert(NCCL_VERSION_CODE >= NCCL_VERSION(2, 18, 0), "calls that do not block need NCCL 2.18 or later");

namespace layersweep::comm {
namespace {

std::string here() { return fmt::format("rank {} on {}", world().rank(), base::host_name()); }

std::string version_text(int code) { return fmt::format("{}.{}.{}", code / 10000, code % 10000 / 100, code % 100); }

int loaded_version() {
  int code = 0;
  return ncclGetVersion(&code) == ncclSuccess ? code : 0;
}

void check_cuda(cudaError_t result, const char* call) {
  if (result == cudaSuccess) return;
  cudaGetLastError();  // else the next call of somebody else would report it
  throw DeviceError(fmt::format("{} failed ({})", call, here()), cudaGetErrorString(result),
                    "The GPU, its driver or the program is at fault; `layersweep doctor` on that host tells what it sees");
}

// What a call returns, or what the communicator says of a call that has returned.
void check_nccl(ncclResult_t result, const char* call, ncclComm_t handle) {
  if (result == ncclSuccess || result == ncclInProgress) return;
  std::string why = ncclGetErrorString(result);
  if (const char* more = ncclGetLastError(handle); more != nullptr && *more != '\0') why += fmt::format(" ({})", more);
  throw DeviceError(
      fmt::format("{} failed ({})", call, here()), why,
      "A GPU, the network or another rank is at fault; see the job's log for the first error, and NCCL_DEBUG=INFO "
      "for more. The same command goes on from the last checkpoint");
}

cudaStream_t native(DeviceStream stream) { return static_cast<cudaStream_t>(stream); }

}  // namespace

struct NcclCommunicator::State {
  ncclComm_t handle = nullptr;  // NCCL may write here while it connects: the address must stay
  int device = 0;
  const char* call = "";  // the last one, which is_ready() speaks of

  ~State() { abort(); }

  void abort() noexcept {
    // What it returns is of no interest: there is an error to report already, and the communicator is gone either way.
    if (handle != nullptr) ncclCommAbort(std::exchange(handle, nullptr));
  }

  void begin(ncclResult_t result, const char* name) {
    call = name;
    check_nccl(result, call, handle);
  }
};

void NcclCommunicator::require_library() {
  const auto versions = nccl_versions();
  if (versions->fit) return;
  throw DeviceError(fmt::format("NCCL {} is loaded ({})", versions->loaded, here()),
                    fmt::format("this program was built with {}", versions->built),
                    "Take the older one out of LD_LIBRARY_PATH");
}

std::string NcclCommunicator::make_id() {
  ncclUniqueId id;
  check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId", nullptr);
  return {id.internal, sizeof id.internal};
}

NcclCommunicator::NcclCommunicator(const std::string& id, int rank, int size, int device)
    : state_(std::make_unique<State>()) {
  ncclUniqueId native_id;
  base::ensure(id.size() == sizeof native_id.internal, "the id of an NCCL communicator has the wrong size");
  std::memcpy(native_id.internal, id.data(), id.size());
  state_->device = device;
  use_device(device);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  state_->begin(ncclCommInitRankConfig(&state_->handle, size, native_id, rank, &config), "ncclCommInitRankConfig");
}

NcclCommunicator::~NcclCommunicator() = default;

bool NcclCommunicator::is_ready() const {
  ncclResult_t result = ncclSuccess;
  check_nccl(ncclCommGetAsyncError(state_->handle, &result), "ncclCommGetAsyncError", state_->handle);
  check_nccl(result, state_->call, state_->handle);
  return result == ncclSuccess;
}

void NcclCommunicator::start_sum(DeviceSpan<float> values, DeviceStream stream) {
  use_device(state_->device);
  state_->begin(ncclAllReduce(values.data, values.data, values.count, ncclFloat32, ncclSum, state_->handle, native(stream)),
                "ncclAllReduce");
}

void NcclCommunicator::start_sum(DeviceSpan<double> values, DeviceStream stream) {
  use_device(state_->device);
  state_->begin(ncclAllReduce(values.data, values.data, values.count, ncclFloat64, ncclSum, state_->handle, native(stream)),
                "ncclAllReduce");
}

void NcclCommunicator::start_broadcast(DeviceSpan<std::byte> bytes, int root, DeviceStream stream) {
  use_device(state_->device);
  state_->begin(ncclBroadcast(bytes.data, bytes.data, bytes.count, ncclUint8, root, state_->handle, native(stream)),
                "ncclBroadcast");
}

void NcclCommunicator::start_finalize() { state_->begin(ncclCommFinalize(state_->handle), "ncclCommFinalize"); }

void NcclCommunicator::destroy() {
  check_nccl(ncclCommDestroy(std::exchange(state_->handle, nullptr)), "ncclCommDestroy", nullptr);
}

void NcclCommunicator::abort() noexcept { state_->abort(); }

void use_device(int device) { check_cuda(cudaSetDevice(device), "cudaSetDevice"); }

bool is_idle(DeviceStream stream) {
  const cudaError_t result = cudaStreamQuery(native(stream));
  if (result == cudaErrorNotReady) return false;
  check_cuda(result, "cudaStreamQuery");
  return true;
}

DeviceBuffer::DeviceBuffer(std::size_t count) : count_(count) {
  void* memory = nullptr;
  check_cuda(cudaMalloc(&memory, std::max<std::size_t>(count, 1) * sizeof(float)), "cudaMalloc");
  data_ = static_cast<float*>(memory);
}

DeviceBuffer::~DeviceBuffer() { cudaFree(data_); }

void DeviceBuffer::copy_from(const float* values, DeviceStream stream) {
  check_cuda(cudaMemcpyAsync(data_, values, count_ * sizeof(float), cudaMemcpyDeviceToDevice, native(stream)),
             "cudaMemcpyAsync");
}

void DeviceBuffer::clear(DeviceStream stream) {
  check_cuda(cudaMemsetAsync(data_, 0, count_ * sizeof(float), native(stream)), "cudaMemsetAsync");
}

std::optional<NcclVersions> nccl_versions() {
  const int loaded = loaded_version();
  return NcclVersions{version_text(NCCL_VERSION_CODE), version_text(loaded), loaded >= NCCL_VERSION_CODE};
}

}  // namespace layersweep::comm
