#include "app/planned_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/printable.hpp"
#include "jobs/steps/explanations.hpp"
#include "jobs/tasks/task.hpp"
#include "plan/scaling.hpp"
#include "stats/hidden_statistics.hpp"
#include "store/layout.hpp"
#include "sweep/progress.hpp"

namespace layersweep::app {
namespace {

const plan::Lengths& lengths_of(const plan::Texts& texts, terms::Split split) {
  return split == terms::Split::train ? texts.train : split == terms::Split::dev ? texts.dev : texts.test;
}

std::vector<const plan::Lengths*> extracted(const config::Experiment& experiment, const plan::Texts& texts) {
  std::vector<const plan::Lengths*> splits;
  for (const terms::Split split : experiment.extract.splits) splits.push_back(&lengths_of(texts, split));
  return splits;
}

// All seeds of a mode are evaluated together; ranks take whole chunks of texts.
double extract_seconds(const config::Experiment& experiment, const plan::Model& model, const plan::Texts& texts,
                       const plan::Calibration& calibration, int ranks) {
  const auto seeds = std::ssize(experiment.probe.seeds);
  double seconds = 0;
  for (const plan::Lengths* split : extracted(experiment, texts)) {
    if (split->texts() == 0) continue;
    const double chunks = std::ceil(split->texts() / static_cast<double>(plan::evaluation_batch));
    for (const terms::Mode mode : experiment.probe.modes) {
      const plan::Pass pass =
          plan::pass_of(plan::Purpose::evaluation, {model, mode, seeds}, {*split, split->texts() / chunks}, experiment.run);
      seconds +=
          std::ceil(chunks / ranks) * plan::pass_seconds(pass, calibration.of(mode).evaluate, experiment.run.shards, 1);
    }
  }
  // The judgement on all development texts, and the search for random masks that do as little harm.
  const double evaluations = 1 + (experiment.extract.random_control ? plan::tries_of_search : 0);
  const double dev_batches = std::ceil(texts.dev.texts() / static_cast<double>(plan::evaluation_batch));
  for (const terms::Mode mode : experiment.probe.modes) {
    if (dev_batches == 0) continue;
    const plan::Pass pass = plan::pass_of(plan::Purpose::evaluation, {model, mode, seeds},
                                          {texts.dev, texts.dev.texts() / dev_batches}, experiment.run);
    seconds +=
        evaluations * dev_batches * plan::pass_seconds(pass, calibration.of(mode).evaluate, experiment.run.shards, ranks);
  }
  return seconds;
}

// Forward, and backward with the weights' gradients: three times the products of an unmasked pass.
double finetune_seconds(const config::Experiment& experiment, const plan::Model& model, const plan::Texts& texts,
                        const plan::Calibration& calibration, int ranks) {
  const double flops = model.clean.of(texts.train.texts(), texts.train.tokens(), texts.train.pairs());
  const double used = std::min(ranks, experiment.run.shards);
  const auto steps = std::ceil(texts.train.texts() / static_cast<double>(experiment.finetune.batch));
  const plan::PassSpeed& speed = calibration.of(experiment.probe.modes.front()).train;
  return static_cast<double>(experiment.finetune.epochs) *
         (3 * flops / speed.flops_per_s / used + steps * experiment.run.shards / used * speed.s_per_pass / 4);
}

// One unmasked pass, 16 texts of a shard at a time, and a product of states for each pair of points.
double statistics_seconds(const config::Experiment& experiment, const plan::Model& model, const plan::Texts& texts,
                          const plan::Calibration& calibration, int ranks) {
  const plan::Lengths& lengths = lengths_of(texts, experiment.statistics.split);
  double flops = model.clean.of(lengths.texts(), lengths.tokens(), lengths.pairs());
  const double sample = std::min(static_cast<double>(experiment.statistics.cka_tokens), lengths.tokens());
  for (std::size_t p = 0; p < model.rungs.size(); ++p) {
    for (std::size_t q = p; q < model.rungs.size(); ++q) {
      flops += 2 * sample * static_cast<double>(model.rungs[p].width * model.rungs[q].width);
    }
  }
  const plan::PassSpeed& speed = calibration.of(experiment.probe.modes.front()).evaluate;
  return (flops / speed.flops_per_s + lengths.texts() / 16 * speed.s_per_pass) / std::min(ranks, experiment.run.shards);
}

double results_bytes(const config::Experiment& experiment, const plan::Model& model, const plan::Texts& texts,
                     const std::vector<plan::UnitWork>& work) {
  store::Contents contents;
  for (const plan::Lengths* split : extracted(experiment, texts)) {
    contents.examples += std::llround(split->texts());
    contents.tokens += std::llround(split->tokens());
  }
  contents.output = model.output;
  contents.classes = model.classes;
  contents.example_id_bytes = 16;
  contents.token_text_bytes = 20;
  for (const plan::Rung& rung : model.rungs) contents.points.push_back({"layer 12 output", rung.width});
  contents.seeds = experiment.probe.seeds;
  for (const terms::Mode mode : experiment.probe.modes) {
    store::ModeEntry entry{std::string(terms::name_of(mode)), {}};
    entry.steps.resize(static_cast<std::size_t>(work.front().validations));
    contents.modes.push_back(std::move(entry));
  }
  contents.explanations = jobs::explanations_entry(experiment);
  contents.statistics = {"", {stats::quantiles.begin(), stats::quantiles.end()}};
  contents.task = jobs::task_of(experiment.task.name).columns();
  double bytes = 0;
  for (const store::PlannedVariable& variable : store::plan_variables(contents)) {
    const double cells = std::accumulate(variable.shape.begin(), variable.shape.end(), 1.0, std::multiplies<>());
    bytes += cells * static_cast<double>(store::type_bytes(variable.spec->type));
  }
  return bytes;
}

std::string bytes_text(double bytes) {
  if (bytes >= 1e9) return fmt::format("{:.1f} GB", bytes / 1e9);
  return fmt::format("{:.0f} MB", std::max(1.0, bytes / 1e6));
}

std::string teams_text(const std::vector<int>& teams) {
  std::string text;
  for (std::size_t t = 0; t < teams.size();) {
    std::size_t same = t;
    while (same < teams.size() && teams[same] == teams[t]) ++same;
    text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", same - t, teams[t]);
    t = same;
  }
  return text;
}

// Of the team that trains the unit.
const std::vector<plan::PointGroup>& groups_of(const PlannedRun& run, std::size_t unit, int shards) {
  const auto trains = [&](const std::vector<std::size_t>& units) { return std::ranges::find(units, unit) != units.end(); };
  const auto team = std::ranges::find_if(run.assignment.units, trains) - run.assignment.units.begin();
  return plan::grouping_of(run.work[unit], shards, run.teams.at(static_cast<std::size_t>(team))).points;
}

// "points 0 to 3, 4 to 13"
std::string groups_text(const std::vector<plan::PointGroup>& groups) {
  std::string text;
  for (const plan::PointGroup& group : groups) {
    text += text.empty() ? "points " : ", ";
    text += group.end - group.first == 1 ? std::to_string(group.first) : fmt::format("{} to {}", group.first, group.end - 1);
  }
  return text;
}

std::string plural(double count, std::string_view word) {
  return fmt::format("{} {}{}", std::llround(count), word, std::llround(count) == 1 ? "" : "s");
}

// Hours, minutes and seconds, rounded up to 5 minutes: half as much again as expected, for a machine that is not idle.
std::string job_time(double seconds) {
  const auto minutes = 5 * static_cast<std::int64_t>(std::ceil((1.5 * seconds / 60 + 5) / 5));
  return fmt::format("{:02}:{:02}:00", minutes / 60, minutes % 60);
}

}  // namespace

PlannedRun plan_run(const PlannedOf& of) {
  const auto& [experiment, model, texts, calibration, layout] = of;
  PlannedRun run;
  run.units = plan::units_of(experiment.probe);
  for (const plan::Unit& unit : run.units) run.work.push_back(plan::work_of(unit, model, texts, experiment));
  const plan::UnitSeconds seconds = plan::unit_seconds(run.work, calibration, experiment.run.shards);
  run.teams = plan::choose_teams(run.units.size(), layout.ranks, plan::team_sizes(run.work, experiment.run.shards), seconds);
  std::vector<plan::Team> teams;
  for (const int ranks : run.teams) teams.push_back({ranks, 0});
  std::vector<std::size_t> all(run.units.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  run.assignment = plan::assign(all, teams, seconds);

  run.time.start_s = calibration.start_s;
  run.time.probes_s = run.assignment.end_s;
  run.time.finetune_s = finetune_seconds(experiment, model, texts, calibration, layout.ranks);
  run.time.statistics_s = statistics_seconds(experiment, model, texts, calibration, layout.ranks);
  run.time.extract_s = extract_seconds(experiment, model, texts, calibration, layout.ranks);
  config::Run settings = experiment.run;
  settings.threads = layout.threads;
  for (std::size_t u = 0; u < run.units.size(); ++u) {
    const plan::RankMemory memory = plan::rank_memory(
        run.work[u], {model, run.units[u].mode, std::ssize(run.units[u].seeds)},
        {texts.train, static_cast<double>(experiment.probe.batch)}, settings, groups_of(run, u, settings.shards));
    if (memory.total_bytes() > run.memory.total_bytes()) run.memory = memory;
    // Two checkpoints of about five times the parameters, then the probes.
    run.units_bytes += 4.0 * static_cast<double>(run.work[u].parameters);
  }
  double largest = 0;
  for (const plan::UnitWork& work : run.work) largest = std::max(largest, static_cast<double>(work.parameters));
  run.units_bytes += 2 * 5 * 4.0 * largest * static_cast<double>(run.teams.size());
  run.results_bytes = results_bytes(experiment, model, texts, run.work);
  return run;
}

std::string planned_run_text(const PlannedRun& run, const PlannedOf& of, const std::string& experiment_arguments) {
  const auto& [experiment, model, texts, calibration, layout] = of;
  std::string text = fmt::format(
      "{} on {}, {} each: {}\nmodel: {}; texts: {:.0f} train, {:.0f} dev, {:.0f} test, {:.1f} tokens each\n"
      "calibration: {}\n\n",
      plural(static_cast<double>(run.units.size()), "unit"), plural(layout.ranks, "rank"), plural(layout.threads, "thread"),
      plural(layout.nodes(), "node"), base::printable(model.name), texts.train.texts(), texts.dev.texts(),
      texts.test.texts(), texts.train.mean(), base::printable(calibration.source));

  const int shards = experiment.run.shards;
  text += fmt::format("{:<24} {:>7} {:>11} {:>14} {:>5} {:>6} {:>14}\n", "unit", "steps", "validations", "on one rank",
                      "team", "ranks", "expected");
  for (std::size_t u = 0; u < run.units.size(); ++u) {
    for (std::size_t t = 0; t < run.teams.size(); ++t) {
      if (std::ranges::find(run.assignment.units[t], u) == run.assignment.units[t].end()) continue;
      text += fmt::format(
          "{:<24} {:>7} {:>11} {:>14} {:>5} {:>6} {:>14}\n", run.units[u].name(), run.work[u].steps, run.work[u].validations,
          sweep::duration_text(plan::unit_time(run.work[u], calibration, shards, 1).total_s()), t, run.teams[t],
          sweep::duration_text(plan::unit_time(run.work[u], calibration, shards, run.teams[t]).total_s()));
    }
  }
  for (std::size_t u = 0; u < run.units.size(); ++u) {
    const std::vector<plan::PointGroup>& groups = groups_of(run, u, shards);
    if (groups.size() > 1) {
      text += fmt::format("{}: ranks in {} groups: {}\n", run.units[u].name(), groups.size(), groups_text(groups));
    }
  }
  const int used = std::accumulate(run.teams.begin(), run.teams.end(), 0);
  text += fmt::format("\nteams: {}{}\n", teams_text(run.teams),
                      used < layout.ranks
                          ? fmt::format("; {} would not help: more units, or a larger run.shards, would use them",
                                        plural(layout.ranks - used, "rank"))
                          : "");
  text += fmt::format(
      "expected time: {} (start {}{}, statistics {}, probes {}, extraction {}), if no probe stops early\n",
      sweep::duration_text(run.time.total_s()), sweep::duration_text(run.time.start_s),
      experiment.finetune.epochs > 0 ? fmt::format(", fine-tuning about {}", sweep::duration_text(run.time.finetune_s)) : "",
      sweep::duration_text(run.time.statistics_s), sweep::duration_text(run.time.probes_s),
      sweep::duration_text(run.time.extract_s));
  if (jobs::explanations_entry(experiment)) text += "explain.methods take further time, which is not estimated\n";
  text += fmt::format("memory: about {} a rank (program {}, model {}, probes {}, passes {}), {} a node\n",
                      bytes_text(run.memory.total_bytes()), bytes_text(run.memory.program_bytes),
                      bytes_text(run.memory.weights_bytes), bytes_text(run.memory.probes_bytes),
                      bytes_text(run.memory.passes_bytes),
                      bytes_text(run.memory.total_bytes() * std::min(layout.ranks, layout.ranks_per_node)));
  text += fmt::format(
      "disk: results.h5 at most {}, which compression makes smaller; units {}{}\n", bytes_text(run.results_bytes),
      bytes_text(run.units_bytes),
      experiment.finetune.epochs > 0 ? fmt::format("; model {}", bytes_text(4.0 * static_cast<double>(model.weights))) : "");
  text += fmt::format("submit: layersweep submit {} --nodes {} --ranks-per-node {} --time {}\n",
                      base::printable(experiment_arguments), layout.nodes(), std::min(layout.ranks, layout.ranks_per_node),
                      job_time(run.time.total_s()));
  return text;
}

std::string scaling_text(const std::vector<plan::UnitWork>& work, const plan::Calibration& calibration, int shards) {
  std::string text =
      "| ranks | teams | time | speed-up | efficiency | lost: idle ranks | uneven shards and points | repeated optimiser | "
      "messages |\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  const double alone = plan::predict(work, calibration, shards, 1).seconds;
  for (int ranks = 1; ranks <= 1024; ranks *= 2) {
    const plan::Scaling s = plan::predict(work, calibration, shards, ranks);
    const auto share = [](double value) { return fmt::format("{:.1f} %", std::max(0.0, 100 * value)); };
    text += fmt::format("| {} | {} | {} | {:.1f} | {} | {} | {} | {} | {} |\n", ranks, teams_text(s.teams),
                        sweep::duration_text(s.seconds), alone / s.seconds, share(s.efficiency), share(s.idle),
                        share(s.shards), share(s.repeated), share(s.messages));
  }
  return text;
}

}  // namespace layersweep::app
