#include "jobs/compute_device.hpp"

#include <fmt/format.h>

#include <sstream>
#include <string>
#include <vector>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "device/gpus.hpp"
#include "device/libtorch_cuda.hpp"

namespace layersweep::jobs {
namespace {

void require_gpu(const device::Gpus& gpus) {
  if (!gpus.visible.empty()) return;
  throw base::InputError("run.device = cuda, but no GPU can be used here", gpus.problem,
                         device::built_with_cuda()
                             ? "`layersweep doctor` tells what this process sees; check the driver (nvidia-smi), "
                               "CUDA_VISIBLE_DEVICES and what the job asked for, or use run.device = cpu"
                             : "Configure with -DLAYERSWEEP_CUDA=ON, which tells what is missing, or use run.device = cpu");
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

std::optional<int> gpu_of_rank(const comm::Communicator& world, const config::Run& run) {
  if (run.device != config::Device::cuda) return std::nullopt;
  device::Gpus gpus;
  comm::run_together(world, [&] {
    gpus = device::visible_gpus();
    require_gpu(gpus);
  });
  std::string addresses;
  for (const device::Gpu& gpu : gpus.visible) addresses += gpu.address + "\n";
  const comm::Communicator host = world.split_by_host();
  std::vector<std::vector<std::string>> seen;
  for (const std::string& text : host.all_gather_text(addresses)) seen.push_back(lines_of(text));
  int number = 0;
  comm::run_together(world, [&] {
    number = device::assign_gpus(base::host_name(), seen)[static_cast<std::size_t>(host.rank())];
    device::load_libtorch_cuda();
    device::use_gpu(number);
    if (run.precision == config::Precision::tf32) device::allow_tf32();
  });
  const device::Gpu& mine = gpus.visible[static_cast<std::size_t>(number)];
  base::world_info("probes are computed on GPUs, here on {} ({})", mine.name, mine.address);
  return number;
}

model::Arithmetic arithmetic_on_cpu(const config::Run& run) {
  return run.precision == config::Precision::bf16 ? model::Arithmetic::fast_bf16 : model::Arithmetic::fast;
}

model::Arithmetic arithmetic_on_gpu(const config::Run& run) {
  return run.precision == config::Precision::bf16 ? model::Arithmetic::plain_bf16 : model::Arithmetic::plain;
}

}  // namespace layersweep::jobs
