#include "app/run_status.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/printable.hpp"
#include "terms/terms.hpp"

namespace layersweep::terms {

template <>
struct Names<sweep::UnitStatus::Phase> {
  using enum sweep::UnitStatus::Phase;
  static constexpr std::array table{std::pair{not_started, "not started"}, std::pair{training, "training"},
                                    std::pair{done, "done"}, std::pair{failed, "failed"}};
};
template <>
struct Names<sweep::Holder::Life> {
  using enum sweep::Holder::Life;
  static constexpr std::array table{std::pair{alive, "alive"}, std::pair{silent, "silent"}, std::pair{gone, "gone"}};
};

}  // namespace layersweep::terms

namespace layersweep::app {

using std::chrono::seconds;
using sweep::Holder;
using sweep::RunStatus;
using sweep::UnitStatus;

namespace {

std::string age_text(seconds age) {
  const std::int64_t count = age.count();
  if (count < 120) return fmt::format("{} s", count);
  if (count < 2 * 3600) return fmt::format("{} min", count / 60);
  if (count < 2 * 86400) return fmt::format("{} h", count / 3600);
  return fmt::format("{} days", count / 86400);
}

std::vector<std::string> mode_names(const config::Experiment& experiment) {
  std::vector<std::string> names;
  for (const terms::Mode mode : experiment.probe.modes) names.emplace_back(terms::name_of(mode));
  return names;
}

std::string joined(const auto& values) { return fmt::format("{}", fmt::join(values, ", ")); }

std::string unit_line(const UnitStatus& unit, int width) {
  std::string line = fmt::format("  {:<{}}  {}", unit.name, width, terms::name_of(unit.phase));
  if (unit.phase == UnitStatus::Phase::failed) line += ": " + base::printable(unit.reason);
  if (unit.phase == UnitStatus::Phase::training && unit.step) {
    line += fmt::format(": checkpoint of step {}", *unit.step);
    if (unit.steps_at_most) line += fmt::format(" of {}", *unit.steps_at_most);
    if (unit.age) line += fmt::format(", {} old", age_text(*unit.age));
  }
  // A finished unit needs no look into its log.
  if (unit.log && unit.phase != UnitStatus::Phase::done)
    line += fmt::format("; log: {}", base::printable(unit.log->string()));
  return line + "\n";
}

std::string holder_line(const Holder& holder) {
  const std::string who = base::printable(holder.text);
  switch (holder.life) {
    case Holder::Life::alive:
      return fmt::format("held by:  {}, which is alive\n", who);
    case Holder::Life::gone:
      return fmt::format("held by:  nobody; last by {}\n", who);
    case Holder::Life::silent:
      return fmt::format("held by:  {}, silent for {}: on its host it can be told whether it has ended\n", who,
                         age_text(holder.heard));
  }
  return "";
}

}  // namespace

std::string status_text(const RunStatus& status) {
  const config::Experiment& experiment = status.experiment;
  std::string text = fmt::format("run:      {}\n", base::printable(status.folder.string()));
  text += fmt::format("task:     {}", terms::name_of(experiment.task.name));
  if (!experiment.encoder.folder.empty())
    text += fmt::format(", encoder {}", base::printable(experiment.encoder.folder.string()));
  text += fmt::format("\nprobes:   modes {}; seeds {}\n", joined(mode_names(experiment)), joined(experiment.probe.seeds));
  if (experiment.finetune.epochs > 0) {
    const std::string model = status.has_model    ? "there"
                              : status.model_step ? fmt::format("training: checkpoint of step {}", *status.model_step)
                                                  : "not yet";
    text += fmt::format("model:    {}\n", model);
  }

  std::size_t width = 0, done = 0;
  for (const UnitStatus& unit : status.units) {
    width = std::max(width, unit.name.size());
    done += unit.phase == UnitStatus::Phase::done ? 1 : 0;
  }
  text += fmt::format("units:    {} of {} done\n", done, status.units.size());
  for (const UnitStatus& unit : status.units) text += unit_line(unit, static_cast<int>(width));
  text += fmt::format("results:  {}\n", status.has_results ? "results.h5" : "not yet");

  if (status.holder) text += holder_line(*status.holder);
  if (status.requeues) {
    text += fmt::format("requeues: {} of job {}", status.requeues->count, base::printable(status.requeues->job));
    if (status.requeues->idle > 0) text += fmt::format(", the last {} without progress", status.requeues->idle);
    text += "\n";
  }
  return text + fmt::format("changed:  {} ago\n", age_text(status.last_change));
}

std::string status_json(const RunStatus& status) {
  nlohmann::ordered_json object{{"run", status.folder.string()},
                                {"task", terms::name_of(status.experiment.task.name)},
                                {"encoder", status.experiment.encoder.folder.string()},
                                {"modes", mode_names(status.experiment)},
                                {"seeds", status.experiment.probe.seeds},
                                {"units", nlohmann::json::array()},
                                {"model", status.has_model},
                                {"results", status.has_results}};
  if (status.model_step) object["model_step"] = *status.model_step;
  for (const UnitStatus& unit : status.units) {
    nlohmann::ordered_json one{{"name", unit.name}, {"state", terms::name_of(unit.phase)}};
    if (unit.step) one["step"] = *unit.step;
    if (unit.steps_at_most) one["steps_at_most"] = *unit.steps_at_most;
    if (unit.age) one["checkpoint_age_s"] = unit.age->count();
    if (!unit.reason.empty()) one["reason"] = unit.reason;
    if (unit.log) one["log"] = unit.log->string();
    object["units"].push_back(one);
  }
  if (status.holder) {
    object["lock"] = {{"holder", status.holder->text},           {"host", status.holder->host},
                      {"process", status.holder->process},       {"job", status.holder->job},
                      {"heard_s", status.holder->heard.count()}, {"state", terms::name_of(status.holder->life)}};
  }
  if (status.requeues) {
    object["requeues"] = {{"job", status.requeues->job}, {"count", status.requeues->count}, {"idle", status.requeues->idle}};
  }
  object["last_change_s"] = status.last_change.count();
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace layersweep::app
