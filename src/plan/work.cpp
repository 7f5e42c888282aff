#include "plan/work.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.hpp"
#include "plan/memory.hpp"

namespace layersweep::plan {
namespace {

// Of the calibration in input mode. They depend on the data; these values lie between those of hardly trained and of trained
// probes.
constexpr double share_of_failing_points = 0.25;
constexpr double tries_downwards = 2.5;

// Micro-batches of one shard, averaged over the lengths that shards have: a shard's texts are almost equally long.
double pieces_per_shard(const TextBatch& batch, std::int64_t copies, const config::Run& run) {
  const double shard_texts = std::ceil(batch.texts / run.shards);
  double sum = 0, texts = 0;
  for (const Lengths::Class& one : batch.lengths.classes()) {
    const double fit =
        std::max(1.0, std::floor(static_cast<double>(run.token_budget) / (static_cast<double>(copies) * one.tokens)));
    sum += one.texts * std::ceil(shard_texts / fit);
    texts += one.texts;
  }
  return texts > 0 ? sum / texts : 0;
}

// The points cut into 1, 2, … groups, each with the costs of its dearest group.
std::vector<Grouping> groupings_of(const ProbedModel& probed, const TextBatch& trained, const TextBatch& validated,
                                   const config::Run& run) {
  const auto& [model, mode, seeds] = probed;
  const auto step = [&](PointGroup points) { return pass_of(Purpose::training, probed, trained, run, points); };
  std::map<std::pair<int, int>, double> flops;  // split_points asks for each again and again
  const GroupCost cost = [&](PointGroup points) {
    const auto [found, is_new] = flops.try_emplace({points.first, points.end}, 0.0);
    if (is_new) found->second = step(points).flops;
    return found->second;
  };
  std::vector<Grouping> result;
  for (int groups = 1; groups <= static_cast<int>(model.points()); ++groups) {
    Grouping grouping;
    grouping.points = split_points(static_cast<int>(model.points()), groups, cost);
    const PointGroup dearest =
        *std::ranges::max_element(grouping.points, {}, [&](PointGroup points) { return cost(points); });
    grouping.step = step(dearest);
    grouping.batch_of_validation = pass_of(Purpose::evaluation, probed, validated, run, dearest);
    grouping.trained = static_cast<double>(probe_parameters(model, mode, seeds));
    if (mode == terms::Mode::hidden) grouping.trained /= groups;
    result.push_back(std::move(grouping));
  }
  return result;
}

// The fewest groups with which a rank keeps within run.memory_gb; one per point when none does.
int groups_that_fit(const UnitWork& work, const ProbedModel& probed, const TextBatch& batch, const config::Run& run) {
  if (run.memory_gb == 0) return 1;
  const auto fits = [&](const Grouping& grouping) {
    return rank_memory(work, probed, batch, run, grouping.points).total_bytes() <= 1e9 * run.memory_gb;
  };
  const auto found = std::ranges::find_if(work.groupings, fits);
  return static_cast<int>(std::min(found - work.groupings.begin() + 1, std::ssize(work.groupings)));
}

}  // namespace

const Grouping& grouping_of(const UnitWork& work, int shards, int ranks) {
  base::ensure(shards > 0 && ranks > 0 && !work.groupings.empty(), "a team of no ranks, or without work");
  const Grouping* best = &work.whole();
  if (ranks <= shards && work.wanted_groups == 1) return *best;
  std::pair<int, double> best_cost{std::numeric_limits<int>::max(), 0};
  for (int groups = 1; groups <= std::min<int>(ranks, static_cast<int>(work.groupings.size())); ++groups) {
    if (ranks % groups != 0) continue;
    const int group_ranks = ranks / groups;
    const int most_shards = (shards + group_ranks - 1) / group_ranks;
    const Grouping& one = work.groupings[static_cast<std::size_t>(groups - 1)];
    const std::pair<int, double> cost{std::max(0, work.wanted_groups - groups), most_shards * one.step.flops};
    if (cost < best_cost) {
      best = &one;
      best_cost = cost;
    }
  }
  return *best;
}

Pass pass_of(Purpose purpose, const ProbedModel& probed, const TextBatch& batch, const config::Run& run,
             std::optional<PointGroup> group) {
  const auto& [model, mode, seeds] = probed;
  const PointGroup points = group.value_or(PointGroup{0, static_cast<int>(model.points())});
  base::ensure(points.first >= 0 && points.first < points.end && points.end <= model.points(), "a pass of no such points");
  Flops flops = model.clean;
  for (int point = points.first; point < points.end; ++point) {
    Flops one = copy_forward(model, mode, point);
    if (purpose == Purpose::training) one += copy_backward(model, mode, point);
    flops += static_cast<double>(seeds) * one;
  }
  // In input mode the gates below are part of the masks. A backward pass computes gradients of gate weights only: as many
  // products as forward.
  for (int point = mode == terms::Mode::input ? 0 : points.first; point < points.end; ++point) {
    flops += static_cast<double>(seeds) * (purpose == Purpose::training ? 2.0 : 1.0) * gate_forward(model, mode, point);
  }
  const std::int64_t copies = (points.end - points.first) * seeds;
  return {flops.of(batch.texts, batch.tokens(), batch.pairs()), pieces_per_shard(batch, copies, run)};
}

std::int64_t planned_steps(const config::Probe& settings, std::int64_t train_texts) {
  const std::int64_t per_epoch = (train_texts + settings.batch - 1) / settings.batch;
  const std::int64_t steps = per_epoch * settings.epochs;
  return settings.max_steps > 0 ? std::min(steps, settings.max_steps) : steps;
}

UnitWork work_of(const Unit& unit, const Model& model, const TextLengths& texts, const config::Experiment& experiment) {
  const config::Probe& settings = experiment.probe;
  const ProbedModel probed{model, unit.mode, std::ssize(unit.seeds)};
  UnitWork work;
  work.mode = unit.mode;
  work.steps = planned_steps(settings, std::llround(texts.train.texts()));
  work.validations = 1 + work.steps / settings.validate_every + (work.steps % settings.validate_every != 0 ? 1 : 0);
  const TextBatch trained{texts.train, std::min(static_cast<double>(settings.batch), texts.train.texts())};
  const Lengths examined = texts.dev.first(settings.validation_examples);
  const TextBatch validated{examined, std::min(static_cast<double>(evaluation_batch), examined.texts())};
  work.validation_batches = validated.texts > 0 ? examined.texts() / validated.texts : 0;
  work.groupings = groupings_of(probed, trained, validated, experiment.run);
  if (settings.calibrate) {
    const double dev_batches = std::ceil(texts.dev.texts() / static_cast<double>(evaluation_batch));
    work.judged_batches = 2 * dev_batches;
    work.batch_of_search = work.whole().batch_of_validation;
    work.search_batches = tries_of_search * dev_batches;
    if (unit.mode == terms::Mode::input) {
      // Upwards each point is judged, and searched where it fails; downwards the search for each gate judges all points
      // from it on, and mostly ends at once, since a point above is at its limit.
      const auto points = static_cast<double>(model.points());
      const double upwards = points * (1 + share_of_failing_points * tries_of_search);
      const double evaluations = upwards + points * tries_downwards;
      const double judged = (upwards + tries_downwards * points * (points + 1) / 2) / evaluations;  // points at a time
      const auto seeds = static_cast<double>(probed.seeds);
      const Flops others = (seeds * (points - judged)) * copy_forward(model, unit.mode, 0);
      work.batch_of_search.flops -= others.of(validated.texts, validated.tokens(), validated.pairs());
      work.batch_of_search.pieces_per_shard =
          pieces_per_shard(validated, std::max<std::int64_t>(1, std::llround(judged * seeds)), experiment.run);
      work.search_batches = evaluations * dev_batches;
    }
  }
  work.copies = model.points() * probed.seeds;
  work.parameters = probe_parameters(model, unit.mode, probed.seeds);
  const int asked = experiment.run.point_groups;
  work.wanted_groups = asked > 0 ? std::min(asked, static_cast<int>(work.groupings.size()))
                                 : groups_that_fit(work, probed, trained, experiment.run);
  if (asked > 0 || experiment.run.deterministic) work.groupings.resize(static_cast<std::size_t>(work.wanted_groups));
  return work;
}

}  // namespace layersweep::plan
