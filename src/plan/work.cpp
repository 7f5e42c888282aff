#include "plan/work.hpp"

#include <algorithm>
#include <cmath>

namespace layersweep::plan {
namespace {

enum class Purpose { training, evaluation };

// Micro-batches of one shard, averaged over the lengths that shards have: a shard's texts are almost equally long.
double pieces_per_shard(const Lengths& lengths, double shard_texts, std::int64_t copies, std::int64_t token_budget) {
  double sum = 0, texts = 0;
  for (const Lengths::Class& one : lengths.classes()) {
    const double fit =
        std::max(1.0, std::floor(static_cast<double>(token_budget) / (static_cast<double>(copies) * one.tokens)));
    sum += one.texts * std::ceil(shard_texts / fit);
    texts += one.texts;
  }
  return texts > 0 ? sum / texts : 0;
}

Pass pass(Purpose purpose, const Model& model, config::Mode mode, std::int64_t seeds, const Lengths& lengths, double texts,
          const config::Run& run) {
  Flops flops = model.clean;
  for (std::int64_t point = 0; point < model.points(); ++point) {
    Flops one = copy_forward(model, mode, point);
    one += gate_forward(model, mode, point);
    if (purpose == Purpose::training) {
      one += copy_backward(model, mode, point);
      one += gate_forward(model, mode, point);  // of their weights alone: as many products as forward
    }
    flops += static_cast<double>(seeds) * one;
  }
  const double mean_pairs = lengths.texts() > 0 ? lengths.pairs() / lengths.texts() : 0;
  Pass result;
  result.flops = flops.of(texts, texts * lengths.mean(), texts * mean_pairs);
  const double shard_texts = std::ceil(texts / run.shards);
  result.pieces_per_shard = pieces_per_shard(lengths, shard_texts, model.points() * seeds, run.token_budget);
  return result;
}

}  // namespace

Pass training_pass(const Model& model, config::Mode mode, std::int64_t seeds, const Lengths& lengths, double texts,
                   const config::Run& run) {
  return pass(Purpose::training, model, mode, seeds, lengths, texts, run);
}

Pass evaluation_pass(const Model& model, config::Mode mode, std::int64_t seeds, const Lengths& lengths, double texts,
                     const config::Run& run) {
  return pass(Purpose::evaluation, model, mode, seeds, lengths, texts, run);
}

std::int64_t planned_steps(const config::Probe& settings, std::int64_t train_texts) {
  const std::int64_t per_epoch = (train_texts + settings.batch - 1) / settings.batch;
  const std::int64_t steps = per_epoch * settings.epochs;
  return settings.max_steps > 0 ? std::min(steps, settings.max_steps) : steps;
}

UnitWork work_of(const Unit& unit, const Model& model, const Texts& texts, const config::Experiment& experiment) {
  const config::Probe& settings = experiment.probe;
  const auto seeds = static_cast<std::int64_t>(unit.seeds.size());
  UnitWork work;
  work.mode = unit.mode;
  work.steps = planned_steps(settings, std::llround(texts.train.texts()));
  work.validations = 1 + work.steps / settings.validate_every + (work.steps % settings.validate_every != 0 ? 1 : 0);
  const double batch = std::min(static_cast<double>(settings.batch), texts.train.texts());
  work.step = training_pass(model, unit.mode, seeds, texts.train, batch, experiment.run);
  const Lengths validated = texts.dev.first(settings.validation_examples);
  const double together = std::min(static_cast<double>(evaluation_batch), validated.texts());
  work.validation_batches = together > 0 ? validated.texts() / together : 0;
  work.batch_of_validation = evaluation_pass(model, unit.mode, seeds, validated, together, experiment.run);
  if (settings.calibrate) {
    const double dev_batches = std::ceil(texts.dev.texts() / static_cast<double>(evaluation_batch));
    work.judged_batches = 2 * dev_batches;
    work.batch_of_search = work.batch_of_validation;
    work.search_batches = tries_of_search * dev_batches;
    if (unit.mode == config::Mode::input) {  // point after point, each with copies of its own
      const double points = static_cast<double>(model.points());
      const Flops others = (static_cast<double>(seeds) * (points - 1)) * copy_forward(model, unit.mode, 0);
      const double mean_pairs = validated.texts() > 0 ? validated.pairs() / validated.texts() : 0;
      work.batch_of_search.flops -= others.of(together, together * validated.mean(), together * mean_pairs);
      work.search_batches *= points;
    }
  }
  work.copies = model.points() * seeds;
  work.parameters = probe_parameters(model, unit.mode, seeds);
  work.summed = work.parameters + 3 * work.copies;
  return work;
}

}  // namespace layersweep::plan
