#include "device/libtorch_cuda.hpp"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <link.h>

#include <filesystem>

#include "base/error.hpp"
#include "device/gpus.hpp"

namespace layersweep::device {
namespace {

constexpr const char* name = "libtorch_cuda.so";

// Where the loader found the half that is linked; the other half lies beside it.
std::filesystem::path libtorch_folder() {
  void* const linked = ::dlopen("libtorch_cpu.so", RTLD_LAZY | RTLD_NOLOAD);
  link_map* map = nullptr;
  if (linked == nullptr || ::dlinfo(linked, RTLD_DI_LINKMAP, static_cast<void*>(&map)) != 0) return {};
  std::filesystem::path folder = std::filesystem::path(map->l_name).parent_path();
  ::dlclose(linked);
  return folder;
}

}  // namespace

void load_libtorch_cuda() {
  if (!built_with_cuda()) {
    throw base::InputError("this build has no CUDA back end", {},
                           "Configure with -DLAYERSWEEP_CUDA=ON, which tells what is missing, or use run.device = cpu");
  }
  // For good, and for all to see: LibTorch's operators for GPUs register themselves.
  if (::dlopen((libtorch_folder() / name).c_str(), RTLD_LAZY | RTLD_GLOBAL) == nullptr) {
    throw base::InputError(
        fmt::format("{}, LibTorch's half for GPUs, does not load", name), ::dlerror(),
        "Run scripts/setup.sh --cuda, which fetches the libraries that it needs, or use run.device = cpu");
  }
  // LibTorch looks for this half once.
  base::ensure(at::detail::getCUDAHooks().hasCUDART(), "libtorch_cuda.so was loaded after LibTorch had looked for it");
}

void use_gpu(int number) {
  try {
    const c10::impl::VirtualGuardImpl guard(c10::DeviceType::CUDA);
    guard.setDevice({c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(number)});
  } catch (const c10::Error& error) {
    throw base::InputError(fmt::format("LibTorch cannot use GPU {}", number), error.what_without_backtrace(),
                           "`layersweep doctor` tells which GPUs this process sees");
  }
}

void allow_tf32() { at::globalContext().setAllowTF32CuBLAS(true); }

}  // namespace layersweep::device
