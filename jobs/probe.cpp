#include "jobs/probe.hpp"

#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "sweep/progress.hpp"
#include "sweep/replacements.hpp"
#include "sweep/unit_files.hpp"

namespace layersweep::jobs {

std::vector<UnitResult> probe(const Context& context, const encoder::Encoder& encoder, const Texts& texts) {
  const config::Experiment& experiment = context.experiment;
  std::vector<std::int64_t> widths;
  for (const encoder::Point& point : encoder.points()) widths.push_back(point.width);

  std::vector<UnitResult> results;
  std::vector<at::Tensor> replacements;  // made when the first unit needs them
  for (const sweep::Unit& unit : sweep::units_of(experiment.probe)) {
    const auto folder = context.folder.unit(unit);
    auto trained = comm::run_together(context.team.ranks,
                                      [&] { return sweep::load_unit(folder, unit, widths, context.folder.identity()); });
    // All ranks take the same branch, also where one still sees an old folder listing.
    const bool done = context.team.ranks.all_reduce_min(std::int64_t{trained.has_value() ? 1 : 0}) == 1;
    if (done) {
      base::world_info("unit {}: done before", unit.name());
    } else {
      if (replacements.empty()) {
        replacements = sweep::starting_replacements(context.team, encoder, texts.train, experiment.probe.replacement);
      }
      trained = sweep::train_unit(context.team, encoder, {texts.train, texts.dev}, unit, experiment.probe,
                                  experiment.run.token_budget, replacements,
                                  sweep::progress_printer(unit.name(), experiment.run.json_log),
                                  sweep::Safekeeping{folder, context.folder.identity(), experiment.run.checkpoint_seconds});
      comm::run_together(context.team.ranks, [&] {
        if (context.team.ranks.rank() == 0) sweep::save_unit(folder, unit, *trained, context.folder.identity());
      });
    }
    results.push_back({unit, std::move(*trained)});
  }
  return results;
}

}  // namespace layersweep::jobs
