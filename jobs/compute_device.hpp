// Where a run trains and evaluates its probes.
#pragma once

#include <c10/core/Device.h>

#include <optional>

#include "comm/communicator.hpp"
#include "config/experiment.hpp"
#include "model/arithmetic.hpp"

namespace layersweep::jobs {

/// This rank's GPU where the run asks for GPUs, made ready and current; no two ranks share one. Collective; throws
/// InputError, with what to do, where a rank has none, or LibTorch cannot use it.
std::optional<int> gpu_of_rank(const comm::Communicator& world, const config::Run& run);

/// How the frozen model is computed on a CPU, and on a GPU.
model::Arithmetic arithmetic_on_cpu(const config::Run& run);
model::Arithmetic arithmetic_on_gpu(const config::Run& run);

}  // namespace layersweep::jobs
