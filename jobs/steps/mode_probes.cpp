#include "jobs/steps/mode_probes.hpp"

#include <ATen/ATen.h>

#include "sweep/evaluator.hpp"

namespace layersweep::jobs {

std::vector<ModeProbes> probes_by_mode(const std::vector<UnitResult>& units) {
  std::vector<ModeProbes> result;
  for (const terms::Mode mode : {terms::Mode::input, terms::Mode::hidden}) {
    std::vector<const UnitResult*> members;
    std::int64_t seeds = 0;
    for (const UnitResult& unit : units) {
      if (unit.unit.mode != mode) continue;
      members.push_back(&unit);
      seeds += unit.trained.layout.seeds();
    }
    if (members.empty()) continue;
    probe::ProbeLayout layout(mode, members.front()->trained.layout.widths(), seeds);
    const std::int64_t points = layout.points();
    ModeProbes probes{mode,
                      layout,
                      at::zeros({layout.size()}, at::kFloat),
                      at::ones({points, seeds}, at::kBool),
                      at::zeros({points, seeds}, at::kFloat),
                      at::zeros({points, seeds}, at::kLong),
                      sweep::CellTable<terms::Status>(static_cast<std::size_t>(points)),
                      members};
    const std::vector<at::Tensor> targets = layout.views(probes.parameters);
    std::int64_t first = 0;
    for (const UnitResult* unit : members) {
      const std::int64_t count = unit->trained.layout.seeds();
      const std::vector<at::Tensor> sources = unit->trained.layout.views(unit->trained.parameters);
      for (std::size_t b = 0; b < targets.size(); ++b) targets[b].narrow(1, first, count).copy_(sources[b]);
      probes.alpha.narrow(1, first, count).copy_(unit->trained.alpha);
      probes.steps.narrow(1, first, count).copy_(unit->trained.steps);
      for (std::size_t p = 0; p < static_cast<std::size_t>(points); ++p) {
        for (std::size_t s = 0; s < unit->trained.status[p].size(); ++s) {
          const terms::Status status = unit->trained.status[p][s];
          probes.status[p].push_back(status);
          if (status == terms::Status::failed) {
            probes.active[static_cast<std::int64_t>(p)][first + static_cast<std::int64_t>(s)] = false;
          }
        }
      }
      first += count;
    }
    result.push_back(std::move(probes));
  }
  return result;
}

Judgement judge(const Context& context, const model::Model& encoder, const Texts& texts, const ModeProbes& mode) {
  const config::Probe& settings = context.experiment.probe;
  const sweep::Constraint constraint{settings.epsilon, settings.flip_limit};
  const sweep::Evaluator evaluator(context.ranks, encoder, texts.dev, mode.layout, context.experiment.run.token_budget);
  Judgement judgement{evaluator.cells(mode.parameters, mode.active), constraint, {}};
  judgement.chosen = mode.mode == terms::Mode::input ? sweep::choose_one_seed(judgement.scores, constraint)
                                                     : sweep::choose_seeds_per_point(judgement.scores, constraint);
  return judgement;
}

}  // namespace layersweep::jobs
