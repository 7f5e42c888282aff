#include "sweep/train_probes.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "probe/noise.hpp"
#include "probe/objective.hpp"
#include "sweep/calibrate.hpp"
#include "sweep/checkpoint.hpp"
#include "sweep/device_memory.hpp"
#include "sweep/evaluation.hpp"
#include "sweep/meter.hpp"
#include "sweep/safe.hpp"
#include "sweep/step_reducer.hpp"
#include "sweep/training_state.hpp"

namespace layersweep::sweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t report_every = 10;  // steps between two reports of progress

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The learning rate of each element of the flat buffer, before warm-up.
at::Tensor learning_rates(const probe::ProbeLayout& layout, const config::Probe& settings) {
  at::Tensor rates = at::empty({layout.size()}, at::kFloat);
  for (const probe::Block& block : layout.blocks()) {
    rates.narrow(0, block.offset, block.size)
        .fill_(block.kind == probe::BlockKind::gate ? settings.learning_rate : settings.replacement_learning_rate);
  }
  return rates;
}

std::vector<std::int64_t> widths_of(const model::Model& model) {
  std::vector<std::int64_t> widths;
  for (const model::Point& point : model.points()) widths.push_back(point.width);
  return widths;
}

using AfterStep = std::function<void()>;

// Takes a training state from where it is to its end. Everything that decides about later steps is in the state.
class Trainer {
 public:
  Trainer(const Team& team, const model::Model& model, const TrainingTexts& texts, const Unit& unit,
          const config::Probe& settings, std::int64_t token_budget, TrainingState& state, const OnProgress& on_progress,
          const AfterStep& after_step)
      : team_(team),
        model_(model),
        texts_(texts),
        unit_(unit),
        settings_(settings),
        token_budget_(token_budget),
        state_(state),
        on_progress_(on_progress),
        after_step_(after_step),
        points_(state.layout.clip(team.my_points())),
        reducer_(team, state.layout, model.device()),
        lengths_(texts.train.lengths()),
        total_steps_(planned_steps(settings, texts.train.size())),
        full_rates_(learning_rates(state.layout, settings).to(model.device())),
        alpha_rates_(at::full({state.alpha.numel()}, settings.alpha_learning_rate, at::kFloat)),
        meter_(state.layout) {}

  // Brings together what the point groups trained. Collective.
  void complete() {
    const probe::LookaheadRmsprop::State& optimiser = state_.probe_optimiser.state();
    reducer_.complete({state_.parameters, optimiser.square_average, optimiser.gradient_average, optimiser.slow,
                       state_.snapshots.state().parameters});
  }

  void run() {
    first_step_ = state_.step;
    spent_before_s_ = state_.trained_s;
    start_ = Clock::now();
    if (is_validation_missing()) validate();
    while (!is_done()) {
      const auto batches = data::epoch_batches(
          lengths_, {settings_.batch, team_.shards, static_cast<std::uint64_t>(unit_.seeds.front())}, state_.epoch);
      while (!is_done() && state_.next_batch < std::ssize(batches)) {
        step(batches[static_cast<std::size_t>(state_.next_batch++)]);
        if (!is_done()) after_step_();
      }
      if (state_.next_batch >= std::ssize(batches)) {
        ++state_.epoch;
        state_.next_batch = 0;
      }
    }
  }

 private:
  // At the start, and where a stop came between a step and its validation.
  bool is_validation_missing() const {
    if (state_.curve.empty()) return true;
    return is_validated_step() && state_.curve.back().step != state_.step;
  }
  bool is_validated_step() const { return state_.step % settings_.validate_every == 0 || state_.step == total_steps_; }

  bool is_done() const { return state_.step >= total_steps_ || !state_.active.any().item<bool>(); }

  void step(const data::GlobalBatch& batch) {
    ++state_.step;
    const probe::StepSums sums = sum_over_ranks(batch);
    const probe::StepFigures figures = sums.figures();
    meter_.add(figures, state_.active, batch.size());
    drop_broken(figures);
    update(sums.gradient(), figures, batch.size());
    state_.steps += state_.active;
    state_.trained_s = spent_before_s_ + seconds_since(start_);
    if (state_.step % report_every == 0 || state_.step == total_steps_) report();
    if (is_validated_step()) validate();
  }

  // Collective.
  probe::StepSums sum_over_ranks(const data::GlobalBatch& batch) {
    probe::StepInputs inputs{settings_.sparsity, state_.alpha, state_.active, points_, {}, batch.size()};
    const probe::PointRange probes = probe::probes_of(unit_.mode, points_);
    const auto copies = state_.active.narrow(0, points_.first, points_.size()).sum().item<std::int64_t>();
    const data::ShardRange mine = team_.my_shards();
    for (int shard = mine.begin; shard < mine.end; ++shard) {
      const data::Shard& examples = batch.shards[static_cast<std::size_t>(shard)];
      if (examples.empty()) continue;
      probe::StepSums part(state_.layout, model_.device());
      for (const auto& piece : micro_batches(texts_.train, examples, copies, token_budget_)) {
        within_device_memory([&] {
          const model::Batch tensors = model::collate(texts_.train, piece).to(model_.device());
          inputs.noise = probe::gate_noise(unit_.mode, unit_.seeds, probes, state_.step, piece, tensors.width());
          probe::accumulate_step(model_, tensors, state_.layout, state_.parameters, inputs, part);
        });
        team_.timed.attend();
      }
      reducer_.add(shard, part);
    }
    return reducer_.sum();
  }

  // A cell whose figures are not finite leaves the pass with its last good snapshot; in input mode its whole seed does.
  void drop_broken(const probe::StepFigures& sums) {
    const at::Tensor broken = state_.active.logical_and(at::isfinite(sums.kl).logical_not());
    if (!broken.any().item<bool>()) return;
    for (std::int64_t p = 0; p < state_.layout.points(); ++p) {
      for (std::int64_t s = 0; s < state_.layout.seeds(); ++s) {
        const bool hit =
            unit_.mode == terms::Mode::input ? broken.select(1, s).any().item<bool>() : broken[p][s].item<bool>();
        if (!hit || !state_.active[p][s].item<bool>()) continue;
        state_.active[p][s] = false;
        at_cell(state_.status, p, s) = terms::Status::not_finite;
        team_.say(fmt::format("warning: unit {}: point {}, seed {} is no longer finite; it leaves the training",
                              unit_.name(), p, unit_.seeds[static_cast<std::size_t>(s)]));
      }
    }
  }

  void update(const at::Tensor& gradient, const probe::StepFigures& sums, std::int64_t batch) {
    const double rate = rate_factor(settings_, state_.step, total_steps_);
    // Rows of broken cells, which have left by now, carry NaN gradients that must not touch the others.
    state_.probe_optimiser.step(at::where(at::isfinite(gradient), gradient, 0.0F), full_rates_ * rate, reducer_.own());
    // α ascends: the gradient of −(KL − target·ε) over active cells.
    const at::Tensor excess = sums.kl / static_cast<double>(batch) - settings_.training_target * settings_.epsilon;
    const at::Tensor descent = at::where(state_.active, -excess / static_cast<double>(state_.layout.points()), 0.0F);
    state_.alpha_optimiser.step(descent.to(at::kFloat).contiguous().view({-1}), alpha_rates_);
    state_.alpha.clamp_(0.0, settings_.alpha_max);
  }

  void report() {
    const double here_s = seconds_since(start_);
    const double remaining_s =
        here_s / static_cast<double>(state_.step - first_step_) * static_cast<double>(total_steps_ - state_.step);
    on_progress_(Progress{state_.step, total_steps_, meter_.pairs_per_second(), spent_before_s_ + here_s, remaining_s,
                          meter_.kl(), meter_.keep_share(),
                          mean_per_point(state_.alpha.to(at::kDouble) * state_.active, state_.active.to(at::kDouble))});
    meter_ = Meter(state_.layout);
  }

  void validate() {
    Validation now{state_.step,
                   evaluate_cells(team_, model_, texts_.dev, settings_.validation_examples, state_.layout, state_.parameters,
                                  state_.active, token_budget_),
                   state_.alpha.clone()};
    state_.snapshots.consider(state_.layout, now.scores, state_.parameters, state_.active);
    state_.curve.push_back(std::move(now));
  }

  const Team& team_;
  const model::Model& model_;
  const TrainingTexts& texts_;
  const Unit& unit_;
  const config::Probe& settings_;
  std::int64_t token_budget_;
  TrainingState& state_;
  const OnProgress& on_progress_;
  const AfterStep& after_step_;

  probe::PointRange points_;  // of this rank's group
  StepReducer reducer_;
  std::vector<std::int64_t> lengths_;
  std::int64_t total_steps_;
  at::Tensor full_rates_, alpha_rates_;

  Meter meter_;
  // Of this start.
  std::int64_t first_step_ = 0;
  double spent_before_s_ = 0;
  Clock::time_point start_;
};

TrainedUnit result_of(const TrainingState& state, const config::Probe& settings) {
  TrainedUnit result{state.layout, state.snapshots.state().parameters.cpu(), state.alpha, state.steps, state.status,
                     state.curve};
  for (std::int64_t p = 0; p < state.layout.points(); ++p) {
    for (std::int64_t s = 0; s < state.layout.seeds(); ++s) {
      terms::Status& status = at_cell(result.status, p, s);
      const bool at_bound = state.alpha[p][s].item<double>() >= settings.alpha_max;
      if (status == terms::Status::trained && at_bound && !state.snapshots.within_epsilon(p, s)) {
        status = terms::Status::alpha_at_bound;
      }
    }
  }
  return result;
}

}  // namespace

std::int64_t planned_steps(const config::Probe& settings, std::int64_t train_examples) {
  const std::int64_t per_epoch = (train_examples + settings.batch - 1) / settings.batch;
  const std::int64_t steps = per_epoch * settings.epochs;
  return settings.max_steps > 0 ? std::min(steps, settings.max_steps) : steps;
}

double rate_factor(const config::Probe& settings, std::int64_t step, std::int64_t steps) {
  double factor = 1;
  if (settings.warm_up > 0) factor = std::min(factor, static_cast<double>(step) / static_cast<double>(settings.warm_up));
  if (settings.cool_down > 0) {
    factor = std::min(factor, static_cast<double>(steps - step + 1) / static_cast<double>(settings.cool_down));
  }
  return factor;
}

TrainedUnit train_unit(const Team& ranks, const model::Model& model, const TrainingTexts& texts, const Unit& unit,
                       const config::Probe& settings, std::int64_t token_budget, const std::vector<at::Tensor>& replacements,
                       const OnProgress& on_progress, const std::optional<Safekeeping>& safekeeping) {
  Team team = ranks;
  TrainingState state(unit, widths_of(model), settings, replacements, model.device());
  std::optional<Safe> safe;
  AfterStep after_step = [&] { team.timed.attend(); };
  Trainer trainer(team, model, texts, unit, settings, token_budget, state, on_progress, after_step);
  const auto write = [&](const std::filesystem::path& folder) { write_state(folder, state); };
  if (safekeeping) {
    safe.emplace(team, safekeeping->folder, "unit " + unit.name(), safekeeping->identity, safekeeping->interval_s,
                 [&] { trainer.complete(); });
    safe->resume([&](const std::filesystem::path& folder) {
      read_state(folder, state);
      return state.step;
    });
    after_step = [&] {
      team.timed.attend();
      safe->after_step(state.step, write);
    };
    team.between_pieces = [&] {
      team.timed.attend();
      safe->within_step(state.step, write);
    };
  }
  trainer.run();
  trainer.complete();
  TrainedUnit result = result_of(state, settings);
  if (settings.calibrate) {
    // It takes long enough to be interrupted, and the training before it longer.
    if (safe) safe->keep(state.step, write);
    team.say(fmt::format("unit {}: calibrating on {} dev examples", unit.name(), texts.dev.size()));
    // In input mode one point after the other: point groups would wait for each other.
    if (unit.mode == terms::Mode::input) team.point_groups.clear();
    take_calibrated(team, model, texts.dev, state.parameters.cpu(), {settings.epsilon, settings.flip_limit}, token_budget,
                    result);
  }
  if (safe) {
    if (const auto cost = safe->cost_text()) team.say(fmt::format("unit {}: {}", unit.name(), *cost));
  }
  return result;
}

}  // namespace layersweep::sweep
