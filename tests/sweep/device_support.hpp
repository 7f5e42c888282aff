// The same work on any device: one step, masks and a short training of a small BERT, for comparison.
#pragma once

#include <string>
#include <vector>

#include "base/random.hpp"
#include "model/bert.hpp"
#include "probe/evaluate.hpp"
#include "probe/noise.hpp"
#include "probe/objective.hpp"
#include "sweep/replacements.hpp"
#include "sweep/support.hpp"

namespace layersweep::test {

/// Texts of 1 to `longest` random tokens; with `answers`, of questions whose answers may lie anywhere.
inline data::Corpus texts_for(std::int64_t count, std::int64_t vocabulary, std::size_t longest, bool answers,
                              std::uint64_t seed) {
  base::RandomStream random(base::philox_key(seed, base::Purpose::explainers));
  std::vector<data::Example> examples;
  for (std::int64_t e = 0; e < count; ++e) {
    data::Example example;
    example.id = std::to_string(e);
    const auto length = static_cast<std::size_t>(1 + random.below(longest));
    for (std::size_t t = 0; t < length; ++t) {
      example.token_id.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary))));
    }
    example.segment.assign(length, 0);
    example.part.assign(length, static_cast<std::uint8_t>(terms::TokenPart::text));
    for (auto* column : {&example.word_index, &example.char_start, &example.char_end}) column->assign(length, -1);
    if (answers) {
      example.answerable.assign(length, 1);
      example.answer = {-1, -1};
    }
    examples.push_back(std::move(example));
  }
  return data::Corpus::pack(examples);
}

/// Where and how a BERT is computed.
struct Computed {
  at::Device device = at::kCPU;
  model::Arithmetic arithmetic = model::Arithmetic::fast;

  std::unique_ptr<model::Model> open(const model::TransformerModel& model) const {
    return model::make_transformer(model.spec, model.weights, 4, arithmetic, device);
  }
};

/// What one step and one evaluation of given probes come to, in the host's memory.
struct Outcome {
  at::Tensor logits;    ///< of the clean pass
  at::Tensor gradient;  ///< flat
  probe::StepFigures figures;
  probe::HardMasks masks;
};

/// Gates on both sides of one half, replacements that differ.
inline at::Tensor uneven_parameters(const probe::ProbeLayout& layout) {
  const at::Tensor flat = at::randn({layout.size()}) * 0.3;
  const auto views = layout.views(flat);
  for (std::size_t b = 0; b < views.size(); ++b) {
    if (layout.blocks()[b].name == "gate.bias") views[b].copy_(at::randn(views[b].sizes()));
    if (layout.blocks()[b].name == "first.g" || layout.blocks()[b].name == "second.g") views[b].abs_().add_(0.3);
  }
  return flat;
}

/// One cell of the second seed has stopped (input mode: the whole seed).
inline Outcome outcome_of(const model::Model& model, const data::Corpus& texts, terms::Mode mode,
                          const at::Tensor& parameters) {
  const probe::ProbeLayout layout(mode, probe::widths_of(model), 2);
  const std::vector<std::uint64_t> seeds{1, 2};
  std::vector<std::int64_t> examples;
  for (std::int64_t e = 0; e < texts.size(); ++e) examples.push_back(e);
  const model::Batch batch = model::collate(texts, examples).to(model.device());

  probe::StepInputs inputs{terms::Sparsity::log,
                           at::full({layout.points(), 2}, 2.5),
                           at::ones({layout.points(), 2}, at::kBool),
                           layout.clip({}),
                           {},
                           texts.size()};
  mode == terms::Mode::input ? inputs.active.select(1, 1).fill_(false) : inputs.active[1][1].fill_(false);
  inputs.noise = probe::gate_noise({mode, seeds, layout.clip({})}, 1, examples, batch.width());
  const at::Tensor here = parameters.to(model.device());
  probe::StepSums sums(layout, model.device());
  probe::accumulate_step(model, batch, {layout, here}, inputs, sums);

  const model::Clean clean = model.clean(batch);
  return {clean.logits.cpu(), sums.gradient().cpu(), sums.figures(),
          probe::evaluate_hard_masks({model, batch, clean}, {layout, here}, inputs.active)};
}

inline config::Probe short_training() {
  config::Probe settings;
  settings.seeds = {1, 2};
  settings.seeds_per_unit = 0;
  settings.epsilon = 0.05;
  settings.batch = 32;
  settings.max_steps = 4;
  settings.learning_rate = 3e-3;
  settings.warm_up = 2;
  settings.validate_every = 2;
  settings.calibrate = false;
  return settings;
}

inline sweep::TrainedUnit train_shortly(
    const sweep::Ranks& team, const model::Model& model, const data::Corpus& train, const data::Corpus& dev,
    terms::Mode mode, const config::Probe& settings, const std::optional<sweep::CheckpointSettings>& checkpoints = {},
    const sweep::OnProgress& on_progress = [](const sweep::Progress&) {}) {
  // Made before points are shared out.
  const auto start = sweep::starting_replacements(team.without_point_groups(), model, train, config::Replacement::mask);
  return sweep::train_unit(team, {model, train, dev, {mode, {1, 2}}, settings, 400, start}, on_progress, checkpoints);
}

/// The largest difference of figures that are NaN in the same places, relative to the largest.
inline double difference_of_figures(const at::Tensor& value, const at::Tensor& reference) {
  if (!value.isnan().equal(reference.isnan())) return std::numeric_limits<double>::infinity();
  return relative_difference(value.nan_to_num(), reference.nan_to_num());
}

}  // namespace layersweep::test
