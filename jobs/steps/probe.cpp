#include "jobs/steps/probe.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/build_info.hpp"
#include "base/clock.hpp"
#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "jobs/planned_model.hpp"
#include "plan/scaling.hpp"
#include "plan/unit_time.hpp"
#include "sweep/checkpoint_folder.hpp"
#include "sweep/failed_unit.hpp"
#include "sweep/progress.hpp"
#include "sweep/replacements.hpp"
#include "sweep/unit_files.hpp"
#include "sweep/unit_log.hpp"
#include "sweep/unit_teams.hpp"

namespace layersweep::jobs {
namespace {

plan::Lengths lengths_of(const data::Corpus& corpus) {
  std::map<std::int64_t, double> texts;
  for (const std::int64_t length : corpus.lengths()) texts[length] += 1;
  std::vector<plan::Lengths::Class> classes;
  for (const auto& [length, count] : texts) classes.push_back({static_cast<double>(length), count});
  return plan::Lengths(std::move(classes));
}

// Collective.
std::vector<plan::UnitWork> work_of(const Context& context, const Texts& texts, const std::vector<plan::Unit>& units) {
  const plan::Model model =
      comm::run_together(context.ranks.communicator(), [&] { return planned_model(context.experiment); });
  const plan::TextLengths lengths{lengths_of(texts.train), lengths_of(texts.dev), {}};
  std::vector<plan::UnitWork> work;
  for (const plan::Unit& unit : units) work.push_back(plan::work_of(unit, model, lengths, context.experiment));
  return work;
}

// The points of each group of a team; none where every rank carries all. Collective: the first rank decides, since the last
// bit of a cost may differ between processors.
std::vector<probe::PointRange> point_groups(const plan::UnitWork& work, int shards, std::size_t points,
                                            const comm::Communicator& team) {
  std::vector<int> ends(points, 0);
  const std::vector<plan::PointGroup>& groups = plan::grouping_of(work, shards, team.size()).points;
  for (std::size_t g = 0; g < groups.size(); ++g) ends[g] = groups[g].end;
  team.broadcast(std::span<int>(ends), 0);
  std::vector<probe::PointRange> result;
  for (std::size_t g = 0; g < ends.size() && ends[g] > 0; ++g) result.push_back({g == 0 ? 0 : ends[g - 1], ends[g]});
  if (result.size() == 1) result.clear();
  return result;
}

bool has_broken_cell(const sweep::TrainedUnit& trained) {
  for (const auto& seeds : trained.status) {
    for (const terms::Status status : seeds) {
      if (status == terms::Status::not_finite) return true;
    }
  }
  return false;
}

// What rank 0 does with the reports of a unit in training: its progress, a line for people, that it is done.
struct Listener {
  sweep::OnProgress print;
  sweep::UnitLog log;
};

class UnitsOfRun {
 public:
  UnitsOfRun(const Context& context, const model::Model& encoder, const Texts& texts)
      : context_(context),
        encoder_(encoder),
        texts_(texts),
        widths_(probe::widths_of(encoder)),
        units_(plan::units_of(context.experiment.probe)) {}

  // Removes what failed, so that it is trained again. Collective.
  void forget_failures() const {
    comm::run_together(world(), [&] {
      if (!first_rank()) return;
      for (const plan::Unit& unit : units_) {
        const auto folder = context_.folder.unit(unit);
        const auto trained = load(unit);
        if (!sweep::failure_of(folder) && !(trained && has_broken_cell(*trained))) continue;
        base::world_info("unit {}: trained again", unit.name());
        sweep::forget_unit(folder);
      }
    });
  }

  // Collective.
  void train_what_is_missing() {
    nlohmann::json seen = nlohmann::json::array();
    comm::run_together(world(), [&] {
      for (std::size_t u = 0; first_rank() && u < units_.size(); ++u) {
        if (is_missing(units_[u])) seen.push_back(u);
      }
    });
    // All ranks take what rank 0 sees, also where one still sees an old folder listing.
    const auto missing = nlohmann::json::parse(world().broadcast_text(seen.dump(), 0)).get<std::vector<std::size_t>>();
    if (missing.empty()) return;

    // Made by all ranks together before they part.
    const auto replacements =
        sweep::starting_replacements(context_.ranks, encoder_, texts_.train, context_.experiment.probe.replacement);
    std::vector<plan::Unit> planned;
    for (const std::size_t u : missing) planned.push_back(units_[u]);
    const std::vector<plan::UnitWork> costs = work_of(context_, texts_, planned);
    const int shards = context_.ranks.shards();
    const std::vector<std::string> hosts = world().all_gather_text(base::host_name());
    const std::string program = fmt::format("layersweep {} ({})", base::build_info().version, base::build_info().commit);
    std::map<std::size_t, Listener> listeners;  // on rank 0, of the units in training
    sweep::UnitCallbacks callbacks;
    callbacks.train = [&](const comm::Communicator& team, std::size_t number, const sweep::TeamHooks& hooks) {
      train({team, units_[missing[number]], costs[number], replacements}, hooks);
    };
    callbacks.on_start = [&](std::size_t number, int first, int ranks) {
      const std::string name = units_[missing[number]].name();
      auto& [print, log] =
          listeners
              .insert_or_assign(number, Listener{sweep::progress_printer(name, context_.experiment.run.json_log),
                                                 sweep::UnitLog(folder_of(missing[number]))})
              .first->second;
      log.start(sweep::hosts_text(first, ranks, hosts), program);
      const std::size_t groups = plan::grouping_of(costs[number], shards, ranks).points.size();
      if (ranks == world().size() && groups == 1) return;
      base::world_info("unit {}: {}{}", name,
                       ranks == 1 ? fmt::format("rank {}", first) : fmt::format("ranks {} to {}", first, first + ranks - 1),
                       groups == 1 ? "" : fmt::format(", {} groups that share out the points", groups));
    };
    callbacks.on_report = [&](std::size_t number, const nlohmann::json& report) {
      const auto listener = listeners.find(number);
      if (listener == listeners.end()) return;  // its failure came first
      auto& [print, log] = listener->second;
      if (report.contains("progress")) {
        const sweep::Progress progress = sweep::progress_of(report.at("progress"));
        print(progress);
        log.progress(progress);
      } else if (report.contains("line")) {
        const auto line = report.at("line").get<std::string>();
        base::world_info(line);
        log.line(line);
      } else {
        log.line("done");
        listeners.erase(listener);
      }
    };
    callbacks.on_failure = [&](std::size_t number, const std::string& reason) {
      const plan::Unit& unit = units_[missing[number]];
      base::world_warning("unit {} failed: {}", unit.name(), reason);
      if (const auto listener = listeners.extract(number)) listener.mapped().log.line("failed: " + reason);
      sweep::mark_failed(context_.folder.unit(unit), reason);
    };
    try {
      sweep::train_on_teams(world(), missing.size(), plan::team_sizes(costs, shards),
                            plan::unit_seconds(costs, plan::assumed_calibration(1), shards), callbacks);
    } catch (const std::exception& end) {
      for (auto& [number, listener] : listeners) listener.log.line(fmt::format("the job ends: {}", end.what()));
      throw;
    }
  }

  // What was trained, now or before. Collective.
  std::vector<UnitResult> results() const {
    std::vector<UnitResult> results;
    comm::run_together(world(), [&] {
      for (const plan::Unit& unit : units_) results.push_back({unit, result_of(unit)});
    });
    return results;
  }

 private:
  const comm::Communicator& world() const { return context_.ranks.communicator(); }
  bool first_rank() const { return world().rank() == 0; }

  std::filesystem::path folder_of(std::size_t unit) const { return context_.folder.unit(units_[unit]); }

  std::optional<sweep::TrainedUnit> load(const plan::Unit& unit) const {
    return sweep::load_unit(context_.folder.unit(unit), unit, widths_, context_.folder.identity());
  }

  // Neither done nor failed before.
  bool is_missing(const plan::Unit& unit) const {
    const auto folder = context_.folder.unit(unit);
    if (load(unit)) {
      base::world_info("unit {}: done before", unit.name());
      sweep::remove_checkpoints(folder);  // left where the unit's end was the job's
      return false;
    }
    if (const auto reason = sweep::failure_of(folder)) {
      base::world_warning("unit {}: failed before ({}); layersweep retry {} trains it again", unit.name(), *reason,
                          context_.folder.path().string());
      return false;
    }
    return true;
  }

  struct TeamWork {
    const comm::Communicator& team;
    const plan::Unit& unit;
    const plan::UnitWork& cost;
    const std::vector<at::Tensor>& replacements;
  };

  void train(const TeamWork& work, const sweep::TeamHooks& hooks) const {
    const config::Experiment& experiment = context_.experiment;
    const comm::Communicator team = work.team.with_limit(experiment.run.deadline_seconds, hooks.poll_messages);
    sweep::WorkSharing sharing = context_.ranks.sharing();
    sharing.point_groups = point_groups(work.cost, sharing.shards, widths_.size(), team);
    const sweep::Ranks ranks(team, std::move(sharing),
                             {.log_line =
                                  [&](const std::string& line) {
                                    hooks.report({{"line", line}});
                                  },
                              .announce_silence = hooks.announce_silence});
    const auto folder = context_.folder.unit(work.unit);
    const sweep::TrainedUnit trained = sweep::train_unit(
        ranks,
        {encoder_, texts_.train, texts_.dev, work.unit, experiment.probe, experiment.run.token_budget, work.replacements},
        [&](const sweep::Progress& progress) {
          hooks.report({{"progress", sweep::json_of(progress)}});
        },
        sweep::CheckpointSettings{folder, context_.folder.identity(), experiment.run.checkpoint_seconds});
    team.gate("the end of a unit");  // whose rank failed, does not come
    comm::run_together(team, [&] {
      if (team.rank() == 0) sweep::save_unit(folder, work.unit, trained, context_.folder.identity());
    });
    hooks.report({{"done", true}});
  }

  // Another host may see a little later what a team there has written.
  sweep::TrainedUnit result_of(const plan::Unit& unit) const {
    constexpr double patience_s = 60;
    const auto start = base::Clock::now();
    for (;;) {
      if (auto trained = load(unit)) return std::move(*trained);
      if (sweep::failure_of(context_.folder.unit(unit))) return nothing_trained(unit, widths_);
      if (base::seconds_since(start) > patience_s) {
        throw base::InputError(fmt::format("the unit {} is not in the run folder", unit.name()),
                               "the rank that trained it wrote it there a minute ago",
                               "Put run.folder on a file system that all hosts share");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }

  const Context& context_;
  const model::Model& encoder_;
  const Texts& texts_;
  std::vector<std::int64_t> widths_;
  std::vector<plan::Unit> units_;
};

}  // namespace

sweep::TrainedUnit nothing_trained(const plan::Unit& unit, const std::vector<std::int64_t>& widths) {
  const probe::ProbeLayout layout(unit.mode, widths, static_cast<std::int64_t>(unit.seeds.size()));
  return {layout,
          at::zeros({layout.size()}, at::kFloat),
          at::full({layout.points(), layout.seeds()}, std::nan(""), at::kFloat),
          at::zeros({layout.points(), layout.seeds()}, at::kLong),
          sweep::cell_table(layout, terms::Status::failed),
          {}};
}

std::vector<UnitResult> probe(const Context& context, const model::Model& encoder, const Texts& texts, Failures failures) {
  UnitsOfRun units(context, encoder, texts);
  if (failures == Failures::retried) units.forget_failures();
  units.train_what_is_missing();
  return units.results();
}

}  // namespace layersweep::jobs
