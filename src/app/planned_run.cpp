#include "app/planned_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/printable.hpp"
#include "jobs/steps/explanations.hpp"
#include "plan/scaling.hpp"
#include "sweep/progress.hpp"

namespace layersweep::app {
namespace {

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

std::string planned_run_text(const plan::PlannedRun& run, const plan::PlanInput& input, double results_bytes,
                             const std::string& experiment_arguments) {
  const auto& [experiment, model, texts, calibration, allocation] = input;
  std::string text = fmt::format(
      "{} on {}, {} each: {}\nmodel: {}; texts: {:.0f} train, {:.0f} dev, {:.0f} test, {:.1f} tokens each\n"
      "calibration: {}\n\n",
      plural(static_cast<double>(run.units.size()), "unit"), plural(allocation.ranks, "rank"),
      plural(allocation.threads, "thread"), plural(allocation.nodes(), "node"), base::printable(model.name),
      texts.train.texts(), texts.dev.texts(), texts.test.texts(), texts.train.mean(), base::printable(calibration.source));

  text += fmt::format("{:<24} {:>7} {:>11} {:>14} {:>5} {:>6} {:>14}\n", "unit", "steps", "validations", "on one rank",
                      "team", "ranks", "expected");
  for (std::size_t u = 0; u < run.units.size(); ++u) {
    const plan::PlannedUnit& one = run.units[u];
    text += fmt::format("{:<24} {:>7} {:>11} {:>14} {:>5} {:>6} {:>14}\n", one.unit.name(), run.work[u].steps,
                        run.work[u].validations, sweep::duration_text(one.alone_s), one.team, run.teams[one.team],
                        sweep::duration_text(one.expected_s));
  }
  for (const plan::PlannedUnit& one : run.units) {
    if (one.groups.size() > 1) {
      text += fmt::format("{}: ranks in {} groups: {}\n", one.unit.name(), one.groups.size(), groups_text(one.groups));
    }
  }
  const int used = std::accumulate(run.teams.begin(), run.teams.end(), 0);
  text += fmt::format("\nteams: {}{}\n", teams_text(run.teams),
                      used < allocation.ranks
                          ? fmt::format("; {} would not help: more units, or a larger run.shards, would use them",
                                        plural(allocation.ranks - used, "rank"))
                          : "");
  text += fmt::format(
      "expected time: {} (start {}{}, statistics {}, probes {}, extraction {}), if no probe stops early\n",
      sweep::duration_text(run.time.total_s()), sweep::duration_text(run.time.start_s),
      experiment.finetune.epochs > 0 ? fmt::format(", fine-tuning about {}", sweep::duration_text(run.time.finetune_s)) : "",
      sweep::duration_text(run.time.statistics_s), sweep::duration_text(run.time.probes_s),
      sweep::duration_text(run.time.extract_s));
  if (jobs::explanations_entry(experiment)) text += "explain.methods take further time, which is not estimated\n";
  text += fmt::format(
      "memory: about {} a rank (program {}, model {}, probes {}, passes {}), {} a node{}\n",
      bytes_text(run.memory.total_bytes()), bytes_text(run.memory.program_bytes), bytes_text(run.memory.weights_bytes),
      bytes_text(run.memory.probes_bytes), bytes_text(run.memory.passes_bytes),
      bytes_text(run.memory.total_bytes() * std::min(allocation.ranks, allocation.ranks_per_node)),
      run.finetune_bytes > 0 ? fmt::format("; fine-tuning about {} a rank", bytes_text(run.finetune_bytes)) : "");
  text += fmt::format(
      "disk: results.h5 at most {}, which compression makes smaller; units {}{}\n", bytes_text(results_bytes),
      bytes_text(run.units_bytes),
      experiment.finetune.epochs > 0 ? fmt::format("; model {}", bytes_text(4.0 * static_cast<double>(model.weights))) : "");
  text += fmt::format("submit: layersweep submit {} --nodes {} --ranks-per-node {} --time {}\n",
                      base::printable(experiment_arguments), allocation.nodes(),
                      std::min(allocation.ranks, allocation.ranks_per_node), job_time(run.time.total_s()));
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
