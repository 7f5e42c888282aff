#include "plan/memory.hpp"

#include <algorithm>
#include <cmath>

namespace layersweep::plan {
namespace {

constexpr double float_bytes = sizeof(float);
// LibTorch, MPI and HDF5 with nothing loaded, measured as peak resident size of `layersweep doctor`; per thread the
// workspaces of the matrix products.
constexpr double program_bytes = 130e6;
constexpr double bytes_per_thread = 8e6;
// Parameters; their best snapshot; two averages and the slow copy of the optimiser; step sizes; gradient of a shard, of
// the rank, their sum and its copy; a checkpoint's staging.
constexpr double buffers_per_parameter = 10;
// Tensors of a gate network that live until its backward pass: map, tanh, product with the second map.
constexpr double gate_tensors = 3;

}  // namespace

RankMemory rank_memory(const UnitWork& work, const Model& model, std::int64_t seeds, const Lengths& lengths,
                       double batch_texts, const config::Run& run, int threads) {
  const double tokens = lengths.longest();
  const double copies = static_cast<double>(work.copies);
  const double shard_texts = std::ceil(batch_texts / run.shards);
  const double texts =
      std::min(shard_texts, std::max(1.0, std::floor(static_cast<double>(run.token_budget) / (copies * tokens))));

  double kept = 0;    // floats per text
  double states = 0;  // of the unmasked pass, all points
  double gates = 0;
  double joined = 0;  // copies that have joined below
  for (std::int64_t point = 0; point < model.points(); ++point) {
    const Rung& rung = model.rungs[static_cast<std::size_t>(point)];
    const bool joins = work.mode == config::Mode::hidden || point == 0;
    const double joining = joins ? static_cast<double>(work.mode == config::Mode::hidden ? seeds : work.copies) : 0;
    joined += joining;
    const double width = static_cast<double>(rung.width);
    kept += joined * (rung.kept_per_token * tokens + rung.kept_per_pair * tokens * tokens);
    kept += joining * tokens * width;                       // the masked copies themselves
    if (joined > joining) kept += joined * tokens * width;  // states below and joining ones, side by side
    states += tokens * width;
    const double inner = std::max(32.0, width / 4);
    const double inputs = work.mode == config::Mode::input ? static_cast<double>(model.rungs[0].width) + width : width;
    gates += tokens * (inputs + gate_tensors * inner * static_cast<double>(seeds));
  }
  RankMemory memory;
  memory.program_bytes = program_bytes + bytes_per_thread * threads;
  memory.weights_bytes = float_bytes * static_cast<double>(model.weights);
  memory.probes_bytes = float_bytes * buffers_per_parameter * static_cast<double>(work.parameters);
  memory.passes_bytes = float_bytes * texts * (kept + states + gates);
  return memory;
}

}  // namespace layersweep::plan
