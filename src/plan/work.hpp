// What a unit computes: steps, arithmetic and sizes, from the experiment, the model and the lengths of the texts.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "config/experiment.hpp"
#include "plan/lengths.hpp"
#include "plan/model.hpp"
#include "plan/point_groups.hpp"
#include "plan/unit.hpp"
#include "terms/terms.hpp"

namespace layersweep::plan {

/// The same calculation over many texts, cut into shards and each shard into micro-batches.
struct Pass {
  double flops = 0;             ///< of all shards
  double pieces_per_shard = 0;  ///< micro-batches, on average
};

/// The points of a unit shared out over groups of ranks: what the group with most to do computes. Every group pays its own
/// unmasked pass.
struct Grouping {
  std::vector<PointGroup> points;
  Pass step;                 ///< one training step
  Pass batch_of_validation;  ///< one batch of a validation
  double trained = 0;        ///< parameters that a rank sums and moves at a step: those of its group, in input mode all
};

struct UnitWork {
  terms::Mode mode = terms::Mode::input;
  std::int64_t steps = 0;  ///< if nothing stops early
  std::int64_t validations = 0;
  double validation_batches = 0;
  Pass batch_of_search;         ///< one batch of the search for each gate's bias after training (probe.calibrate)
  double search_batches = 0;    ///< of all its tries; 0 without it
  double judged_batches = 0;    ///< batches of development texts, evaluated before and after it
  std::int64_t copies = 0;      ///< masked copies of every text: points x seeds
  std::int64_t parameters = 0;  ///< of its probes

  std::vector<Grouping> groupings;  ///< into 1, 2, … groups, as many as a team may make
  int wanted_groups = 1;            ///< as run.point_groups says, or so that a rank keeps within run.memory_gb

  /// All points on every rank.
  const Grouping& whole() const { return groupings.front(); }
};

/// Evaluations of the development texts that a search for a share of tokens takes, about.
inline constexpr double tries_of_search = 8;

/// Texts that are evaluated in one go, in validations and extraction.
inline constexpr std::int64_t evaluation_batch = 64;

UnitWork work_of(const Unit& unit, const Model& model, const TextLengths& texts, const config::Experiment& experiment);

/// How a team of `ranks` ranks shares out the points, its ranks evenly over the groups: one group as long as ranks have
/// shards of their own and no more are wanted; else what comes closest to the wanted ones and takes least arithmetic. With
/// run.deterministic no more than wanted, since groups sum otherwise than one rank.
const Grouping& grouping_of(const UnitWork& work, int shards, int ranks);

enum class Purpose { training, evaluation };

/// A model under the probes of one mode.
struct ProbedModel {
  const Model& model;
  terms::Mode mode;
  std::int64_t seeds;
};

/// So many texts of these lengths.
struct TextBatch {
  const Lengths& lengths;
  double texts;

  double tokens() const { return texts * lengths.mean(); }
  double pairs() const { return lengths.texts() > 0 ? texts * (lengths.pairs() / lengths.texts()) : 0; }
};

/// One training step on a batch, or one evaluation of it with hard masks, for all points or for a group.
Pass pass_of(Purpose purpose, const ProbedModel& probed, const TextBatch& batch, const config::Run& run,
             std::optional<PointGroup> points = std::nullopt);

/// Steps if nothing stops early.
std::int64_t planned_steps(const config::Probe& settings, std::int64_t train_texts);

}  // namespace layersweep::plan
