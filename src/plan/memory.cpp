#include "plan/memory.hpp"

#include <algorithm>
#include <cmath>

namespace layersweep::plan {
namespace {

constexpr double float_bytes = sizeof(float);
// Resident size of a run without its model, probes and passes: 130 MB of LibTorch, MPI and HDF5, as `layersweep doctor` has;
// the tokenizer and its vocabulary; and the code of the libraries that only training touches, 25 MB. Per thread the
// workspaces of the matrix products.
constexpr double program_bytes = 182e6;
constexpr double bytes_per_thread = 8e6;
// Parameters; their best snapshot; two averages and the slow copy of the optimiser; step sizes; gradient of a shard, of
// the rank, their sum and its copy; a checkpoint's staging.
constexpr double buffers_per_parameter = 10;
// Tensors of a gate network that live until its backward pass: map, tanh, product with the second map.
constexpr double gate_tensors = 3;

// Bytes of the passes of a group.
double pass_bytes(const ProbedModel& probed, const TextBatch& batch, const config::Run& run, PointGroup group) {
  const auto& [model, mode, seeds] = probed;
  const auto& [lengths, batch_texts] = batch;
  const bool hidden = mode == terms::Mode::hidden;
  const double tokens = lengths.longest();
  const double copies = static_cast<double>((group.end - group.first) * seeds);
  const double shard_texts = std::ceil(batch_texts / run.shards);
  const double texts =
      std::min(shard_texts, std::max(1.0, std::floor(static_cast<double>(run.token_budget) / (copies * tokens))));

  double kept = 0;    // floats per text
  double states = 0;  // of the unmasked pass, all points
  double gates = 0;
  double joined = 0;  // copies that have joined below
  for (int point = 0; point < static_cast<int>(model.points()); ++point) {
    const Rung& rung = model.rungs[static_cast<std::size_t>(point)];
    const bool is_own = point >= group.first && point < group.end;
    const double joining = hidden ? (is_own ? static_cast<double>(seeds) : 0) : point == 0 ? copies : 0;
    joined += joining;
    const double width = static_cast<double>(rung.width);
    kept += joined * (rung.kept_per_token * tokens + rung.kept_per_pair * tokens * tokens);
    kept += joining * tokens * width;                       // the masked copies themselves
    if (joined > joining) kept += joined * tokens * width;  // states below and joining ones, side by side
    states += tokens * width;
    if (hidden ? !is_own : point >= group.end) continue;
    const double inner = std::max(32.0, width / 4);
    const double inputs = hidden ? width : static_cast<double>(model.rungs[0].width) + width;
    gates += tokens * (inputs + gate_tensors * inner * static_cast<double>(seeds));
  }
  return float_bytes * texts * (kept + states + gates);
}

}  // namespace

RankMemory rank_memory(const UnitWork& work, const ProbedModel& probed, const TextBatch& batch, const config::Run& run,
                       const std::vector<PointGroup>& groups) {
  RankMemory memory;
  memory.program_bytes = program_bytes + bytes_per_thread * run.threads;
  memory.weights_bytes = float_bytes * static_cast<double>(probed.model.weights);
  memory.probes_bytes = float_bytes * buffers_per_parameter * static_cast<double>(work.parameters);
  for (const PointGroup& group : groups) {
    memory.passes_bytes = std::max(memory.passes_bytes, pass_bytes(probed, batch, run, group));
  }
  return memory;
}

double finetune_bytes(const Model& model, const Lengths& texts, const config::Experiment& experiment, int ranks) {
  const config::Run& run = experiment.run;
  const auto batch = static_cast<double>(experiment.finetune.batch);
  const double own_shards = std::ceil(double(run.shards) / std::min(ranks, run.shards));
  const double at_once = std::min<double>(run.threads, own_shards);
  const double longest = texts.longest();

  const auto weights = static_cast<double>(model.weights), table = static_cast<double>(model.table);
  const double rows = std::min(table, batch * longest * static_cast<double>(model.rungs.front().width));
  const double gradient = weights - table + rows;
  // Sums of shards that wait for their neighbours, the sum over ranks, its part being sent, and its clipped copy.
  const double sums = std::log2(run.shards) + 1 + 3;
  // The weights, two averages of the optimiser and the best weights so far; the table's gradient in full.
  double floats = 4 * weights + table + (at_once + sums) * gradient;
  double kept = 0;  // of a text
  for (const Rung& rung : model.rungs) kept += longest * (rung.kept_per_token + rung.kept_per_pair * longest);
  // Weights learn, so that the inputs of all maps are kept, which passes through a frozen model need not: about twice as
  // much.
  floats += at_once * std::ceil(batch / run.shards) * 2 * kept;
  return program_bytes + bytes_per_thread * run.threads + float_bytes * floats;
}

}  // namespace layersweep::plan
