#include "sweep/train_probes.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "base/log.hpp"
#include "probe/noise.hpp"
#include "probe/objective.hpp"
#include "probe/optimiser.hpp"
#include "sweep/evaluation.hpp"

namespace layersweep::sweep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t report_every = 10;  // steps between two reports of progress

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

probe::Sparsity sparsity_of(config::Sparsity sparsity) {
  return sparsity == config::Sparsity::l0 ? probe::Sparsity::l0 : probe::Sparsity::log;
}

// The learning rate of each element of the flat buffer, before warm-up.
at::Tensor learning_rates(const probe::ProbeLayout& layout, const config::Probe& settings) {
  at::Tensor rates = at::empty({layout.size()}, at::kFloat);
  for (const probe::Block& block : layout.blocks()) {
    rates.narrow(0, block.offset, block.size)
        .fill_(block.kind == probe::BlockKind::gate ? settings.learning_rate : settings.replacement_learning_rate);
  }
  return rates;
}

template <class Table>
auto& at_cell(Table& table, int point, std::int64_t seed) {
  return table[static_cast<std::size_t>(point)][static_cast<std::size_t>(seed)];
}

// Keeps the best snapshot of every cell, and says which cells have stopped getting better.
class Snapshots {
 public:
  Snapshots(const probe::ProbeLayout& layout, const Limits& limits, std::int64_t patience)
      : layout_(layout), limits_(limits), patience_(patience) {
    const Score none{std::nan(""), std::nan(""), std::nan(""), std::nan(""), std::nan("")};
    best_.assign(static_cast<std::size_t>(layout.points()),
                 std::vector<Score>(static_cast<std::size_t>(layout.seeds()), none));
    waited_.assign(best_.size(), std::vector<std::int64_t>(static_cast<std::size_t>(layout.seeds()), 0));
  }

  // Copies what improved from `parameters` to `kept`, and clears `active` where patience has run out.
  void consider(const std::vector<std::vector<Score>>& scores, const at::Tensor& parameters, const at::Tensor& kept,
                at::Tensor& active) {
    for (std::int64_t s = 0; s < layout_.seeds(); ++s) {
      if (layout_.mode() == probe::Mode::input) {
        consider_seed(scores, parameters, kept, active, s);
      } else {
        for (int p = 0; p < static_cast<int>(layout_.points()); ++p) {
          if (!active[p][s].item<bool>()) continue;
          const bool better = is_better(at_cell(scores, p, s), at_cell(best_, p, s), limits_);
          if (better) {
            layout_.copy_cell(kept, parameters, p, s);
            at_cell(best_, p, s) = at_cell(scores, p, s);
          }
          if (stop(better, p, s)) active[p][s] = false;
        }
      }
    }
  }

  bool within_epsilon(int point, std::int64_t seed) const { return at_cell(best_, point, seed).kl <= limits_.epsilon; }

 private:
  void consider_seed(const std::vector<std::vector<Score>>& scores, const at::Tensor& parameters, const at::Tensor& kept,
                     at::Tensor& active, std::int64_t s) {
    if (!active.select(1, s).any().item<bool>()) return;
    std::vector<Score> challenger;
    std::vector<Score> holder;
    for (int p = 0; p < static_cast<int>(layout_.points()); ++p) {
      challenger.push_back(at_cell(scores, p, s));
      holder.push_back(at_cell(best_, p, s));
    }
    const bool better = is_better(challenger, holder, limits_);
    if (better) {
      layout_.copy_seed(kept, parameters, s);
      for (int p = 0; p < static_cast<int>(layout_.points()); ++p) at_cell(best_, p, s) = at_cell(scores, p, s);
    }
    if (stop(better, 0, s)) active.select(1, s).fill_(false);
  }

  bool stop(bool better, int point, std::int64_t seed) {
    std::int64_t& waited = at_cell(waited_, point, seed);
    waited = better ? 0 : waited + 1;
    return patience_ > 0 && waited >= patience_;
  }

  const probe::ProbeLayout& layout_;
  Limits limits_;
  std::int64_t patience_;
  std::vector<std::vector<Score>> best_;
  std::vector<std::vector<std::int64_t>> waited_;
};

// Sums of the training figures between two lines of progress.
struct Meter {
  at::Tensor kl, keep_share, examples;  // P x S
  std::int64_t pairs = 0;
  Clock::time_point since = Clock::now();

  explicit Meter(const probe::ProbeLayout& layout)
      : kl(at::zeros({layout.points(), layout.seeds()}, at::kDouble)), keep_share(kl.clone()), examples(kl.clone()) {}

  void add(const probe::StepSums& sums, const at::Tensor& active, std::int64_t batch) {
    const at::Tensor on = active.to(at::kDouble);
    kl += at::where(active, sums.kl().to(at::kDouble), 0.0);
    keep_share += at::where(active, sums.keep_share().to(at::kDouble), 0.0);
    examples += on * static_cast<double>(batch);
    pairs += batch * active.sum().item<std::int64_t>();
  }
};

std::vector<double> per_point(const at::Tensor& sums, const at::Tensor& weights) {
  std::vector<double> result;
  for (std::int64_t p = 0; p < sums.size(0); ++p) {
    const double weight = weights[p].sum().item<double>();
    result.push_back(weight > 0 ? sums[p].sum().item<double>() / weight : std::nan(""));
  }
  return result;
}

std::vector<std::int64_t> lengths_of(const data::Corpus& corpus) {
  std::vector<std::int64_t> lengths;
  for (std::int64_t e = 0; e < corpus.size(); ++e) lengths.push_back(corpus.length(e));
  return lengths;
}

}  // namespace

std::int64_t planned_steps(const config::Probe& settings, std::int64_t train_examples) {
  const std::int64_t per_epoch = (train_examples + settings.batch - 1) / settings.batch;
  const std::int64_t steps = per_epoch * settings.epochs;
  return settings.max_steps > 0 ? std::min(steps, settings.max_steps) : steps;
}

TrainedUnit train_unit(const Team& team, const encoder::Encoder& encoder, const TrainingTexts& texts, const Unit& unit,
                       const config::Probe& settings, std::int64_t token_budget, const std::vector<at::Tensor>& replacements,
                       const OnProgress& on_progress) {
  std::vector<std::int64_t> widths;
  for (const encoder::Point& point : encoder.points()) widths.push_back(point.width);
  const auto seeds = static_cast<std::int64_t>(unit.seeds.size());
  TrainedUnit result{probe::ProbeLayout(unit.mode, widths, seeds), {}, {}, {}, {}, {}};
  const probe::ProbeLayout& layout = result.layout;
  const std::int64_t points = layout.points();

  at::Tensor parameters = probe::initial_parameters(layout, unit.seeds, replacements);
  at::Tensor kept = parameters.clone();
  at::Tensor alpha = at::full({points, seeds}, settings.alpha_start, at::kFloat);
  at::Tensor active = at::ones({points, seeds}, at::kBool);
  result.steps = at::zeros({points, seeds}, at::kLong);
  result.status.assign(static_cast<std::size_t>(points),
                       std::vector<CellStatus>(static_cast<std::size_t>(seeds), CellStatus::trained));

  probe::LookaheadRmsprop probe_optimiser(parameters, probe::LookaheadRmsprop::Variance::centred);
  probe::LookaheadRmsprop alpha_optimiser(alpha.view({-1}), probe::LookaheadRmsprop::Variance::plain);
  const at::Tensor full_rates = learning_rates(layout, settings);
  const at::Tensor alpha_rates = at::full({points * seeds}, settings.alpha_learning_rate, at::kFloat);
  Snapshots snapshots(layout, {settings.epsilon, settings.flip_limit}, settings.patience);

  comm::GradientReducer reducer = team.reducer(probe::StepSums(layout).flat().numel());
  const data::ShardRange mine = team.my_shards();
  const std::vector<std::int64_t> lengths = lengths_of(texts.train);
  const std::int64_t total_steps = planned_steps(settings, texts.train.size());

  const auto validate = [&](std::int64_t step) {
    Validation now{
        step,
        evaluate_cells(team, encoder, texts.dev, settings.validation_examples, layout, parameters, active, token_budget),
        alpha.clone()};
    snapshots.consider(now.scores, parameters, kept, active);
    result.curve.push_back(std::move(now));
  };

  // A cell whose figures are not finite leaves the pass with its last good snapshot; in input mode its whole seed does.
  const auto drop_broken = [&](const probe::StepSums& sums) {
    const at::Tensor broken = active.logical_and(at::isfinite(sums.kl()).logical_not());
    if (!broken.any().item<bool>()) return;
    for (int p = 0; p < static_cast<int>(points); ++p) {
      for (std::int64_t s = 0; s < seeds; ++s) {
        const bool hit =
            unit.mode == probe::Mode::input ? broken.select(1, s).any().item<bool>() : broken[p][s].item<bool>();
        if (!hit || !active[p][s].item<bool>()) continue;
        active[p][s] = false;
        result.status[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)] = CellStatus::not_finite;
        base::world_warning("unit {}: point {}, seed {} is no longer finite; it leaves the training", unit.name(), p,
                            unit.seeds[static_cast<std::size_t>(s)]);
      }
    }
  };

  const Clock::time_point start = Clock::now();
  Meter meter(layout);
  std::int64_t step = 0;
  validate(0);
  for (std::int64_t epoch = 0; step < total_steps && active.any().item<bool>(); ++epoch) {
    const auto batches =
        data::epoch_batches(lengths, {settings.batch, team.shards, static_cast<std::uint64_t>(unit.seeds.front())}, epoch);
    for (const data::GlobalBatch& batch : batches) {
      if (step >= total_steps || !active.any().item<bool>()) break;
      ++step;
      probe::StepInputs inputs{sparsity_of(settings.sparsity), alpha, active, {}, batch.size()};
      const std::int64_t copies = active.sum().item<std::int64_t>();
      for (int shard = mine.begin; shard < mine.end; ++shard) {
        const data::Shard& examples = batch.shards[static_cast<std::size_t>(shard)];
        if (examples.empty()) continue;
        probe::StepSums part(layout);
        for (const auto& piece : micro_batches(texts.train, examples, copies, token_budget)) {
          const encoder::Batch tensors = encoder::collate(texts.train, piece);
          inputs.noise = probe::gate_noise(unit.mode, unit.seeds, points, step, piece, tensors.width());
          probe::accumulate_step(encoder, tensors, layout, parameters, inputs, part);
        }
        reducer.add(shard, {part.flat().const_data_ptr<float>(), static_cast<std::size_t>(part.flat().numel())});
      }
      const std::span<const float> reduced = reducer.sum();
      probe::StepSums sums(layout);
      std::copy(reduced.begin(), reduced.end(), sums.flat().data_ptr<float>());
      meter.add(sums, active, batch.size());
      drop_broken(sums);

      const double warm_up =
          settings.warm_up > 0 ? std::min(1.0, static_cast<double>(step) / static_cast<double>(settings.warm_up)) : 1.0;
      // Rows of broken cells carry NaN gradients, which must not touch the others; they are zero elsewhere anyway.
      probe_optimiser.step(at::where(at::isfinite(sums.gradient()), sums.gradient(), 0.0F), full_rates * warm_up);
      // α ascends: the gradient of −(KL − ε) over active cells.
      const at::Tensor excess = sums.kl() / static_cast<double>(batch.size()) - settings.epsilon;
      const at::Tensor alpha_gradient = at::where(active, -excess / static_cast<double>(points), 0.0F);
      alpha_optimiser.step(alpha_gradient.to(at::kFloat).contiguous().view({-1}), alpha_rates);
      alpha.clamp_(0.0, settings.alpha_max);
      result.steps += active;

      if (step % report_every == 0 || step == total_steps) {
        const double spent = seconds_since(meter.since);
        const double elapsed = seconds_since(start);
        on_progress(Progress{step, total_steps, static_cast<double>(meter.pairs) / spent, elapsed,
                             elapsed / static_cast<double>(step) * static_cast<double>(total_steps - step),
                             per_point(meter.kl, meter.examples), per_point(meter.keep_share, meter.examples),
                             per_point(alpha.to(at::kDouble) * active, active.to(at::kDouble))});
        meter = Meter(layout);
      }
      if (step % settings.validate_every == 0 || step == total_steps) validate(step);
    }
  }

  for (int p = 0; p < static_cast<int>(points); ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) {
      CellStatus& status = result.status[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)];
      const bool at_bound = alpha[p][s].item<double>() >= settings.alpha_max;
      if (status == CellStatus::trained && at_bound && !snapshots.within_epsilon(p, s)) status = CellStatus::alpha_at_bound;
    }
  }
  result.parameters = kept;
  result.alpha = alpha;
  return result;
}

}  // namespace layersweep::sweep
