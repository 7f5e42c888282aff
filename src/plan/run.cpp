#include "plan/run.hpp"

#include <algorithm>
#include <cmath>

#include "plan/scaling.hpp"
#include "plan/unit_time.hpp"

namespace layersweep::plan {
namespace {

// All seeds of a mode are evaluated together; ranks take whole chunks of texts.
double extract_seconds(const PlanInput& input) {
  const auto& [experiment, model, texts, calibration, allocation] = input;
  // The judgement on all development texts, and the search for random masks that do as little harm.
  const double evaluations = 1 + (experiment.extract.random_control ? tries_of_search : 0);
  double seconds = 0;
  for (const terms::Mode mode : experiment.probe.modes) {
    const ProbedModel probed{model, mode, std::ssize(experiment.probe.seeds)};
    const auto chunk_seconds = [&](const Lengths& split, double chunks, int ranks) {
      const Pass pass = pass_of(Purpose::evaluation, probed, {split, split.texts() / chunks}, experiment.run);
      return pass_seconds(pass, calibration.of(mode).evaluate, experiment.run.shards, ranks);
    };
    const auto chunks_of = [](const Lengths& split) { return std::ceil(split.texts() / double{evaluation_batch}); };
    for (const terms::Split name : experiment.extract.splits) {
      const Lengths& split = texts.of(name);
      const double chunks = chunks_of(split);
      if (chunks > 0) seconds += std::ceil(chunks / allocation.ranks) * chunk_seconds(split, chunks, 1);
    }
    const double dev_chunks = chunks_of(texts.dev);
    if (dev_chunks > 0) seconds += evaluations * dev_chunks * chunk_seconds(texts.dev, dev_chunks, allocation.ranks);
  }
  return seconds;
}

// Forward, and backward with the weights' gradients: three times the products of an unmasked pass.
double finetune_seconds(const PlanInput& input) {
  const auto& [experiment, model, texts, calibration, allocation] = input;
  const double flops = model.clean.of(texts.train.texts(), texts.train.tokens(), texts.train.pairs());
  const double used = std::min(allocation.ranks, experiment.run.shards);
  const auto steps = std::ceil(texts.train.texts() / static_cast<double>(experiment.finetune.batch));
  const PassSpeed& speed = calibration.of(experiment.probe.modes.front()).train;
  return static_cast<double>(experiment.finetune.epochs) *
         (3 * flops / speed.flops_per_s / used + steps * experiment.run.shards / used * speed.s_per_pass / 4);
}

// One unmasked pass, 16 texts of a shard at a time, and a product of states for each pair of points.
double statistics_seconds(const PlanInput& input) {
  const auto& [experiment, model, texts, calibration, allocation] = input;
  const Lengths& lengths = texts.of(experiment.statistics.split);
  double flops = model.clean.of(lengths.texts(), lengths.tokens(), lengths.pairs());
  const double sample = std::min(static_cast<double>(experiment.statistics.cka_tokens), lengths.tokens());
  for (std::size_t p = 0; p < model.rungs.size(); ++p) {
    for (std::size_t q = p; q < model.rungs.size(); ++q) {
      flops += 2 * sample * static_cast<double>(model.rungs[p].width * model.rungs[q].width);
    }
  }
  const PassSpeed& speed = calibration.of(experiment.probe.modes.front()).evaluate;
  return (flops / speed.flops_per_s + lengths.texts() / 16 * speed.s_per_pass) /
         std::min(allocation.ranks, experiment.run.shards);
}

}  // namespace

PlannedRun plan_run(const PlanInput& input) {
  const auto& [asked, model, texts, calibration, allocation] = input;
  config::Experiment experiment = asked;
  experiment.run.threads = allocation.threads;
  const int shards = experiment.run.shards;
  PlannedRun run;
  const std::vector<Unit> units = units_of(experiment.probe);
  for (const Unit& unit : units) run.work.push_back(work_of(unit, model, texts, experiment));
  const Schedule schedule = schedule_units(run.work, calibration, shards, allocation.ranks);
  run.teams = schedule.teams;
  run.units.resize(units.size());
  double largest = 0;
  for (std::size_t team = 0; team < run.teams.size(); ++team) {
    for (const std::size_t u : schedule.assignment.units[team]) {
      const UnitWork& work = run.work[u];
      run.units[u] = {units[u], team, grouping_of(work, shards, run.teams[team]).points,
                      unit_time(work, calibration, shards, 1).total_s(),
                      unit_time(work, calibration, shards, run.teams[team]).total_s()};
      const RankMemory memory =
          rank_memory(work, {model, work.mode, std::ssize(units[u].seeds)},
                      {texts.train, static_cast<double>(experiment.probe.batch)}, experiment.run, run.units[u].groups);
      if (memory.total_bytes() > run.memory.total_bytes()) run.memory = memory;
      run.units_bytes += 4.0 * static_cast<double>(work.parameters);
      largest = std::max(largest, static_cast<double>(work.parameters));
    }
  }
  // Every team keeps two checkpoints of about five times the parameters, then the probes.
  run.units_bytes += 2 * 5 * 4.0 * largest * static_cast<double>(run.teams.size());
  run.time = {.start_s = calibration.start_s,
              .finetune_s = finetune_seconds(input),
              .statistics_s = statistics_seconds(input),
              .probes_s = schedule.assignment.end_s,
              .extract_s = extract_seconds(input)};
  if (experiment.finetune.epochs > 0) run.finetune_bytes = finetune_bytes(model, texts.train, experiment, allocation.ranks);
  return run;
}

}  // namespace layersweep::plan
