// What an experiment would take on so many ranks, as text; nothing is run and no data are read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/experiment.hpp"
#include "plan/calibration.hpp"
#include "plan/lengths.hpp"
#include "plan/memory.hpp"
#include "plan/model.hpp"
#include "plan/schedule.hpp"
#include "plan/unit.hpp"
#include "plan/unit_time.hpp"
#include "plan/work.hpp"

namespace layersweep::app {

struct Layout {
  int ranks = 1;
  int ranks_per_node = 1;
  int threads = 1;  ///< per rank

  int nodes() const { return (ranks + ranks_per_node - 1) / ranks_per_node; }
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

struct PlannedRun {
  std::vector<plan::Unit> units;
  std::vector<plan::UnitWork> work;
  std::vector<int> teams;
  plan::Assignment assignment;
  RunTime time;
  plan::RankMemory memory;   ///< of the unit that needs most
  double results_bytes = 0;  ///< results.h5 before compression
  double units_bytes = 0;    ///< trained probes, and the checkpoints of the units at work
};

/// What is planned, and with which speeds on which ranks.
struct PlannedOf {
  const config::Experiment& experiment;
  const plan::Model& model;
  const plan::Texts& texts;
  const plan::Calibration& calibration;
  const Layout& layout;
};

/// Pure.
PlannedRun plan_run(const PlannedOf& of);

/// The report of `layersweep plan`; `experiment_arguments` are the file and its --set, for the command to submit.
std::string planned_run_text(const PlannedRun& run, const PlannedOf& of, const std::string& experiment_arguments);

/// Predicted use of 1 to 1,024 ranks, as a Markdown table.
std::string scaling_text(const std::vector<plan::UnitWork>& work, const plan::Calibration& calibration, int shards);

}  // namespace layersweep::app
