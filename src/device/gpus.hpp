// The GPUs this process sees, and which of them belongs to which rank of a host. gpus_cuda.cpp asks the CUDA runtime;
// gpus_none.cpp takes its place in a build without.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layersweep::device {

struct Gpu {
  std::string name;
  std::string
      address;  ///< on the PCI bus, "0000:1b:00.0": tells the GPUs of a host apart, whatever number a process gives them
  std::int64_t memory_bytes = 0;
};

struct Gpus {
  std::vector<Gpu> visible;  ///< by device number: what CUDA_VISIBLE_DEVICES and the control group leave to this process
  std::string problem;       ///< why none is visible; empty otherwise
};

/// Whether this build knows GPUs at all.
bool built_with_cuda();

/// "13.0" of the headers of this build and of the library in use; both empty in a build without CUDA.
struct CudaVersions {
  std::string built, loaded;
};
CudaVersions cuda_versions();

/// Never throws: a machine without a GPU or driver is no error here.
Gpus visible_gpus();

/// Pure. The device number of each rank of one host, by its local rank, such that no two ranks share a GPU, which NCCL
/// refuses. `addresses` are those of the GPUs that each rank sees, by its own device numbers; a GPU is known by its address,
/// so that a launcher may show all GPUs to all ranks (local rank r then gets device r), one to each (device 0, whichever
/// GPU that is), or some to some. Throws InputError, naming `host`, when a rank sees none or there are not enough for all.
std::vector<int> assign_gpus(const std::string& host, const std::vector<std::vector<std::string>>& addresses);

}  // namespace layersweep::device
