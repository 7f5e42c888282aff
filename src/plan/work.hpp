// What a unit computes: steps, arithmetic and sizes, from the experiment, the model and the lengths of the texts.
#pragma once

#include <cstdint>

#include "config/experiment.hpp"
#include "plan/lengths.hpp"
#include "plan/model.hpp"
#include "plan/unit.hpp"

namespace layersweep::plan {

/// The same calculation over many texts, cut into shards and each shard into micro-batches.
struct Pass {
  double flops = 0;             ///< of all shards
  double pieces_per_shard = 0;  ///< micro-batches, on average
};

struct UnitWork {
  config::Mode mode = config::Mode::input;
  std::int64_t steps = 0;  ///< if nothing stops early
  std::int64_t validations = 0;
  Pass step;                 ///< one training step
  Pass batch_of_validation;  ///< one batch of a validation
  double validation_batches = 0;
  Pass batch_of_search;         ///< one batch of the search for each gate's bias after training (probe.calibrate)
  double search_batches = 0;    ///< of all its tries; 0 without it
  double judged_batches = 0;    ///< batches of development texts, evaluated before and after it
  std::int64_t copies = 0;      ///< masked copies of every text: points x seeds
  std::int64_t parameters = 0;  ///< of its probes
  std::int64_t summed = 0;      ///< floats that the ranks of a team sum at a step

  double flops() const {
    return static_cast<double>(steps) * step.flops +
           static_cast<double>(validations) * validation_batches * batch_of_validation.flops;
  }
};

/// Evaluations of the development texts that a search for a share of tokens takes, about.
inline constexpr double tries_of_search = 8;

/// Texts that are evaluated in one go, in validations and extraction.
inline constexpr std::int64_t evaluation_batch = 64;

UnitWork work_of(const Unit& unit, const Model& model, const Texts& texts, const config::Experiment& experiment);

/// One evaluation of `texts` texts of these lengths with hard masks, for `seeds` seeds of all points of a mode.
Pass evaluation_pass(const Model& model, config::Mode mode, std::int64_t seeds, const Lengths& lengths, double texts,
                     const config::Run& run);

/// One training step on `texts` texts.
Pass training_pass(const Model& model, config::Mode mode, std::int64_t seeds, const Lengths& lengths, double texts,
                   const config::Run& run);

/// Steps if nothing stops early.
std::int64_t planned_steps(const config::Probe& settings, std::int64_t train_texts);

}  // namespace layersweep::plan
