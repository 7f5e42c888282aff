// Steps and trainings of one subject on teams whose ranks share out the points, to be compared with one rank.
//
// What is compared agrees to rounding: other sizes of products, and another order of sums. Gradients are sums of up to
// thousands of terms of float32; a whole training amplifies that (RMSprop divides an entry by its own size).
#pragma once

#include "base/random.hpp"
#include "model/bert.hpp"
#include "model/support.hpp"
#include "probe/noise.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/replacements.hpp"
#include "sweep/step_reducer.hpp"
#include "sweep/support.hpp"

namespace layersweep::test {

/// For gradients, relative to the largest entry: rounding of the sums of many terms.
inline constexpr double gradient_tolerance = 2e-5;

struct Subject {
  std::string name;
  std::unique_ptr<model::Model> model;
  data::Corpus train, dev;
};

/// Texts of 1 to 9 tokens.
inline data::Corpus random_texts(std::int64_t count, std::int64_t vocabulary, std::uint64_t seed) {
  base::RandomStream random(base::philox_key(seed, base::Purpose::explainers));
  std::vector<data::Example> examples;
  for (std::int64_t e = 0; e < count; ++e) {
    data::Example example;
    example.id = std::to_string(e);
    const auto length = static_cast<std::size_t>(1 + random.below(9));
    for (std::size_t t = 0; t < length; ++t) {
      example.token_id.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary))));
    }
    example.segment.assign(length, 0);
    example.part.assign(length, static_cast<std::uint8_t>(terms::TokenPart::text));
    for (auto* column : {&example.word_index, &example.char_start, &example.char_end}) column->assign(length, -1);
    examples.push_back(std::move(example));
  }
  return data::Corpus::pack(examples);
}

/// All ranks of the job, evenly over these groups of points.
inline sweep::Ranks all_ranks_in_groups(const std::vector<probe::PointRange>& groups, Reduction reduction) {
  return all_ranks({.reduction = reduction, .point_groups = groups});
}

inline bool is_everywhere_the_same(const at::Tensor& parameters) {
  const at::Tensor first = parameters.clone();
  comm::world().broadcast(std::span<float>(first.data_ptr<float>(), static_cast<std::size_t>(first.numel())), 0);
  return parameters.equal(first);
}

class GroupedTraining {
 protected:
  GroupedTraining(Subject subject, terms::Mode mode, std::vector<std::uint64_t> seeds)
      : subject_(std::move(subject)),
        layout_(mode, probe::widths_of(*subject_.model), static_cast<std::int64_t>(seeds.size())),
        seeds_(std::move(seeds)) {
    settings_.epsilon = 0.05;
    settings_.batch = 32;
    settings_.max_steps = 6;
    settings_.learning_rate = 3e-3;
    settings_.warm_up = 4;
    settings_.validate_every = 3;
    at::manual_seed(3);
    parameters_ = at::randn({layout_.size()}) * 0.3;
    const auto views = layout_.views(parameters_);
    for (std::size_t b = 0; b < views.size(); ++b) {
      if (layout_.blocks()[b].name == "first.g" || layout_.blocks()[b].name == "second.g") views[b].abs_().add_(0.3);
    }
  }

  terms::Mode mode() const { return layout_.mode(); }
  std::int64_t points() const { return layout_.points(); }

  /// Gradients and figures of one step of `parameters_`, with every entry from the group that has it.
  at::Tensor step(const sweep::Ranks& team) {
    sweep::StepReducer reducer(team, layout_);
    const probe::PointRange mine = layout_.clip(team.my_points());
    const data::Corpus texts = subject_.train.first(std::min<std::int64_t>(40, subject_.train.size()));
    probe::StepInputs inputs{terms::Sparsity::log, at::ones({points(), layout_.seeds()}), active_, mine, {}, texts.size()};
    const data::GlobalBatch batch = data::ordered_batches(texts.lengths(), {texts.size(), team.shards(), 0}).front();
    for (int shard = team.my_shards().begin; shard < team.my_shards().end; ++shard) {
      const data::Shard& examples = batch.shards[static_cast<std::size_t>(shard)];
      probe::StepSums part(layout_);
      const model::Batch tensors = model::collate(subject_.train, examples);
      inputs.noise = probe::gate_noise({mode(), seeds_, probe::probes_of(mode(), mine)}, 1, examples, tensors.width());
      probe::accumulate_step(*subject_.model, tensors, {layout_, parameters_}, inputs, part);
      reducer.add(shard, part);
    }
    const probe::StepSums sums = reducer.sum();
    reducer.complete({sums.gradient()});
    return sums.flat();
  }

  sweep::TrainedUnit train(
      const sweep::Ranks& team, const std::optional<sweep::CheckpointSettings>& place = std::nullopt,
      const sweep::OnProgress& on_progress = [](const sweep::Progress&) {}) {
    const auto start = sweep::starting_replacements(this_rank(Reduction::deterministic), *subject_.model, subject_.train,
                                                    config::Replacement::mean);
    return sweep::train_unit(
        team, {broken_ ? *broken_ : *subject_.model, subject_.train, subject_.dev, {mode(), seeds_}, settings_, 200, start},
        on_progress, place);
  }

  /// On the subject's dev texts.
  sweep::Evaluator evaluator(const sweep::Ranks& team) const { return {team, *subject_.model, subject_.dev, layout_, 200}; }

  Subject subject_;
  probe::ProbeLayout layout_;
  std::vector<std::uint64_t> seeds_;
  at::Tensor parameters_;
  at::Tensor active_ = at::ones({layout_.points(), layout_.seeds()}, at::kBool);
  config::Probe settings_;
  const model::Model* broken_ = nullptr;  ///< trained in place of the subject's model
};

}  // namespace layersweep::test
