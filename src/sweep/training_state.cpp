#include "sweep/training_state.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

namespace layersweep::sweep {

TrainingState::TrainingState(const plan::Unit& unit, const std::vector<std::int64_t>& widths, const config::Probe& settings,
                             const std::vector<at::Tensor>& replacements, at::Device device)
    : layout(unit.mode, widths, static_cast<std::int64_t>(unit.seeds.size())),
      parameters(probe::initial_parameters(layout, unit.seeds, replacements).to(device)),
      alpha(at::full({layout.points(), layout.seeds()}, settings.alpha_start, at::kFloat)),
      active(at::ones({layout.points(), layout.seeds()}, at::kBool)),
      steps(at::zeros({layout.points(), layout.seeds()}, at::kLong)),
      status(cell_table(layout, terms::Status::trained)),
      probe_optimiser(parameters, probe::LookaheadRmsprop::Variance::centred),
      alpha_optimiser(alpha.view({-1}), probe::LookaheadRmsprop::Variance::plain),
      snapshots(layout, parameters, {settings.epsilon, settings.flip_limit}, settings.patience) {}

}  // namespace layersweep::sweep
