// A build without CUDA.
#include "device/gpus.hpp"

namespace layersweep::device {

bool built_with_cuda() { return false; }

CudaVersions cuda_versions() { return {}; }

Gpus visible_gpus() { return {{}, "this build has no CUDA"}; }

}  // namespace layersweep::device
