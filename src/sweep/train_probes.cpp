#include "sweep/train_probes.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/where.h>

#include <algorithm>

#include "base/clock.hpp"
#include "plan/work.hpp"
#include "probe/noise.hpp"
#include "probe/objective.hpp"
#include "sweep/calibrate.hpp"
#include "sweep/checkpoint.hpp"
#include "sweep/device_memory.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/meter.hpp"
#include "sweep/step_reducer.hpp"
#include "sweep/training_state.hpp"

namespace layersweep::sweep {
namespace {

constexpr std::int64_t report_every = 10;  // steps between two reports of progress

// The learning rate of each element of the flat buffer, before warm-up.
at::Tensor learning_rates(const probe::ProbeLayout& layout, const config::Probe& settings) {
  at::Tensor rates = at::empty({layout.size()}, at::kFloat);
  for (const probe::Block& block : layout.blocks()) {
    rates.narrow(0, block.offset, block.size)
        .fill_(block.kind == probe::BlockKind::gate ? settings.learning_rate : settings.replacement_learning_rate);
  }
  return rates;
}

// Takes a training from where it is to its end. Everything that decides about later steps is in the state.
class Trainer {
 public:
  Trainer(const Ranks& ranks, const UnitTraining& training, const OnProgress& on_progress,
          const std::optional<CheckpointSettings>& checkpoints)
      : ranks_(ranks.pausing_by([this] { between_pieces(); })),
        training_(training),
        settings_(training.settings),
        unit_(training.unit),
        on_progress_(on_progress),
        state_(unit_, probe::widths_of(training.model), settings_, training.replacements, training.model.device()),
        points_(state_.layout.clip(ranks.my_points())),
        reducer_(ranks_, state_.layout, training.model.device()),
        validation_(ranks_, training.model, training.dev, state_.layout, training.token_budget),
        lengths_(training.train.lengths()),
        total_steps_(plan::planned_steps(settings_, training.train.size())),
        full_rates_(learning_rates(state_.layout, settings_).to(training.model.device())),
        alpha_rates_(at::full({state_.alpha.numel()}, settings_.alpha_learning_rate, at::kFloat)),
        meter_(state_.layout) {
    if (checkpoints) checkpoints_.emplace(ranks, "unit " + unit_.name(), *checkpoints, [this] { complete(); });
  }
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  TrainedUnit train() {
    if (checkpoints_) {
      checkpoints_->resume([&](const std::filesystem::path& folder) {
        read_state(folder, state_);
        return state_.step;
      });
    }
    run();
    complete();
    TrainedUnit result = trained_unit();
    if (settings_.calibrate) calibrate(result);
    if (checkpoints_) {
      if (const auto cost = checkpoints_->cost_text()) log_line(*cost);
    }
    return result;
  }

 private:
  // Brings together what the point groups trained. Collective.
  void complete() {
    const probe::LookaheadRmsprop::State& optimiser = state_.probe_optimiser.state();
    reducer_.complete({state_.parameters, optimiser.square_average, optimiser.gradient_average, optimiser.slow,
                       state_.snapshots.state().parameters});
  }

  void run() {
    first_step_ = state_.step;
    spent_before_s_ = state_.trained_s;
    start_ = base::Clock::now();
    if (is_validation_missing()) validate();
    while (!is_done()) {
      const auto batches =
          data::epoch_batches(lengths_, {settings_.batch, ranks_.shards(), unit_.seeds.front()}, state_.epoch);
      while (!is_done() && state_.next_batch < std::ssize(batches)) {
        step(batches[static_cast<std::size_t>(state_.next_batch++)]);
        if (!is_done()) after_step();
      }
      if (state_.next_batch >= std::ssize(batches)) {
        ++state_.epoch;
        state_.next_batch = 0;
      }
    }
  }

  void after_step() {
    ranks_.communicator().poll_messages();
    if (checkpoints_) checkpoints_->after_step(state_.step, write_);
  }

  void between_pieces() {
    ranks_.communicator().poll_messages();
    if (checkpoints_) checkpoints_->within_step(state_.step, write_);
  }

  void calibrate(TrainedUnit& result) {
    // It takes long enough to be interrupted, and the training before it longer.
    if (checkpoints_) checkpoints_->keep(state_.step, write_);
    log_line(fmt::format("calibrating on {} dev examples", training_.dev.size()));
    // In input mode one point after the other: point groups would wait for each other.
    const Ranks ranks = unit_.mode == terms::Mode::input ? ranks_.without_point_groups() : ranks_;
    take_calibrated({ranks, training_.model, training_.dev, state_.layout, training_.token_budget}, state_.parameters.cpu(),
                    {settings_.epsilon, settings_.flip_limit}, result);
  }

  void log_line(const std::string& line) const { ranks_.log_line(fmt::format("unit {}: {}", unit_.name(), line)); }

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
    state_.trained_s = spent_before_s_ + base::seconds_since(start_);
    if (state_.step % report_every == 0 || state_.step == total_steps_) report();
    if (is_validated_step()) validate();
  }

  // Collective.
  probe::StepSums sum_over_ranks(const data::GlobalBatch& batch) {
    probe::StepInputs inputs{settings_.sparsity, state_.alpha, state_.active, points_, {}, batch.size()};
    const probe::PointRange probes = probe::probes_of(unit_.mode, points_);
    const auto copies = state_.active.narrow(0, points_.first, points_.size()).sum().item<std::int64_t>();
    const data::ShardRange mine = ranks_.my_shards();
    for (int shard = mine.begin; shard < mine.end; ++shard) {
      const data::Shard& examples = batch.shards[static_cast<std::size_t>(shard)];
      if (examples.empty()) continue;
      probe::StepSums part(state_.layout, training_.model.device());
      for (const auto& piece : micro_batches(training_.train, examples, copies, training_.token_budget)) {
        within_device_memory([&] {
          const model::Batch tensors = model::collate(training_.train, piece).to(training_.model.device());
          inputs.noise = probe::gate_noise({unit_.mode, unit_.seeds, probes}, state_.step, piece, tensors.width());
          probe::accumulate_step(training_.model, tensors, {state_.layout, state_.parameters}, inputs, part);
        });
        ranks_.communicator().poll_messages();
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
        ranks_.log_line(fmt::format("warning: unit {}: point {}, seed {} is no longer finite; it leaves the training",
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
    const double here_s = base::seconds_since(start_);
    const double remaining_s =
        here_s / static_cast<double>(state_.step - first_step_) * static_cast<double>(total_steps_ - state_.step);
    on_progress_(Progress{state_.step, total_steps_, meter_.pairs_per_second(), spent_before_s_ + here_s, remaining_s,
                          meter_.kl(), meter_.keep_share(),
                          mean_per_point(state_.alpha.to(at::kDouble) * state_.active, state_.active.to(at::kDouble))});
    meter_ = Meter(state_.layout);
  }

  void validate() {
    Validation validation{state_.step, validation_.cells(state_.parameters, state_.active, settings_.validation_examples),
                          state_.alpha.clone()};
    state_.snapshots.consider(validation.scores, state_.parameters, state_.active);
    state_.curve.push_back(std::move(validation));
  }

  TrainedUnit trained_unit() const {
    TrainedUnit result{state_.layout, state_.snapshots.state().parameters.cpu(), state_.alpha, state_.steps, state_.status,
                       state_.curve};
    for (std::int64_t p = 0; p < state_.layout.points(); ++p) {
      for (std::int64_t s = 0; s < state_.layout.seeds(); ++s) {
        terms::Status& status = at_cell(result.status, p, s);
        const bool at_bound = state_.alpha[p][s].item<double>() >= settings_.alpha_max;
        if (status == terms::Status::trained && at_bound && !state_.snapshots.within_epsilon(p, s)) {
          status = terms::Status::alpha_at_bound;
        }
      }
    }
    return result;
  }

  const Ranks ranks_;  // which pause for checkpoints between two pieces of an evaluation
  const UnitTraining& training_;
  const config::Probe& settings_;
  const plan::Unit& unit_;
  const OnProgress& on_progress_;
  TrainingState state_;

  probe::PointRange points_;  // of this rank's group
  StepReducer reducer_;
  Evaluator validation_;
  std::vector<std::int64_t> lengths_;
  std::int64_t total_steps_;
  at::Tensor full_rates_, alpha_rates_;
  std::optional<TrainingCheckpoints> checkpoints_;
  const TrainingCheckpoints::Write write_ = [this](const std::filesystem::path& folder) { write_state(folder, state_); };

  Meter meter_;
  // Of this start.
  std::int64_t first_step_ = 0;
  double spent_before_s_ = 0;
  base::Clock::time_point start_;
};

}  // namespace

double rate_factor(const config::Probe& settings, std::int64_t step, std::int64_t steps) {
  double factor = 1;
  if (settings.warm_up > 0) factor = std::min(factor, static_cast<double>(step) / static_cast<double>(settings.warm_up));
  if (settings.cool_down > 0) {
    factor = std::min(factor, static_cast<double>(steps - step + 1) / static_cast<double>(settings.cool_down));
  }
  return factor;
}

TrainedUnit train_unit(const Ranks& ranks, const UnitTraining& training, const OnProgress& on_progress,
                       const std::optional<CheckpointSettings>& checkpoints) {
  return Trainer(ranks, training, on_progress, checkpoints).train();
}

}  // namespace layersweep::sweep
