#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <array>

#include "device/gpus.hpp"

namespace layersweep::device {
namespace {

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

}  // namespace

bool built_with_cuda() { return true; }

CudaVersions cuda_versions() {
  int loaded = 0;
  cudaRuntimeGetVersion(&loaded);
  return {version_text(CUDART_VERSION), version_text(loaded)};
}

Gpus visible_gpus() {
  Gpus gpus;
  int count = 0;
  cudaError_t result = cudaGetDeviceCount(&count);
  for (int number = 0; result == cudaSuccess && number < count; ++number) {
    cudaDeviceProp properties{};
    std::array<char, 32> address{};
    result = cudaGetDeviceProperties(&properties, number);
    if (result != cudaSuccess) break;
    result = cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), number);
    gpus.visible.push_back({properties.name, address.data(), static_cast<std::int64_t>(properties.totalGlobalMem)});
  }
  if (result != cudaSuccess) {
    gpus.visible.clear();
    gpus.problem = cudaGetErrorString(result);
    cudaGetLastError();  // else the next call of somebody else would report it
  } else if (count == 0) {
    gpus.problem = "none is visible";
  }
  return gpus;
}

}  // namespace layersweep::device
