// What a run would take on so many ranks: teams, times, memory and disk.
#pragma once

#include <cstddef>
#include <vector>

#include "config/experiment.hpp"
#include "plan/calibration.hpp"
#include "plan/lengths.hpp"
#include "plan/memory.hpp"
#include "plan/model.hpp"
#include "plan/schedule.hpp"
#include "plan/unit.hpp"
#include "plan/work.hpp"

namespace layersweep::plan {

struct Allocation {
  int ranks = 1;
  int ranks_per_node = 1;
  int threads = 1;  ///< per rank

  int nodes() const { return (ranks + ranks_per_node - 1) / ranks_per_node; }
};

/// What a plan rests on.
struct PlanInput {
  config::Experiment experiment;
  Model model;
  TextLengths texts;
  Calibration calibration;
  Allocation allocation;
};

/// Seconds of the parts of a run.
struct RunTime {
  double start_s = 0;
  double finetune_s = 0;  ///< a rough figure: its speed is not measured
  double statistics_s = 0;
  double probes_s = 0;
  double extract_s = 0;

  double total_s() const { return start_s + finetune_s + statistics_s + probes_s + extract_s; }
};

/// A unit and who trains it.
struct PlannedUnit {
  Unit unit;
  std::size_t team = 0;
  std::vector<PointGroup> groups;  ///< of the team's ranks
  double alone_s = 0;              ///< on one rank
  double expected_s = 0;           ///< on its team
};

struct PlannedRun {
  std::vector<PlannedUnit> units;
  std::vector<UnitWork> work;  ///< of the units
  std::vector<int> teams;      ///< ranks of each
  RunTime time;
  RankMemory memory;          ///< of a rank, for the unit that needs most
  double finetune_bytes = 0;  ///< of a rank while it fine-tunes; 0 where it does not
  double units_bytes = 0;     ///< on disk: trained probes, and the checkpoints of the units at work
};

PlannedRun plan_run(const PlanInput& input);

}  // namespace layersweep::plan
