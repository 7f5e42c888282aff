// How fast a machine trains probes: measured figures, or assumed ones where nothing was measured.
#pragma once

#include <string>

#include "config/experiment.hpp"
#include "terms/terms.hpp"

namespace layersweep::plan {

/// Seconds of one micro-batch: a fixed part, and its products at a sustained rate.
struct PassSpeed {
  double flops_per_s = 0;
  double s_per_pass = 0;
};

struct ModeSpeed {
  PassSpeed train;     ///< noise, gates, forward and backward pass
  PassSpeed evaluate;  ///< hard masks, forward only
};

struct MessageSpeed {
  double latency_s = 0;   ///< of a small message
  double overhead_s = 0;  ///< processor time of a rank per small message
  double bytes_per_s = 0;
};

struct Calibration {
  std::string source;     ///< for people: when and where it was measured, or that it was not
  std::string processor;  ///< name
  std::string model;      ///< Model::name
  int threads = 1;        ///< of the rank that measured
  ModeSpeed input;
  ModeSpeed hidden;
  double s_per_parameter = 0;  ///< of one step of the optimiser
  double s_per_step = 0;       ///< what else a step costs, whatever its size
  double start_s = 0;          ///< start of the program and loading
  MessageSpeed messages;

  const ModeSpeed& of(terms::Mode mode) const { return mode == terms::Mode::input ? input : hidden; }
};

/// What a core of a server processor of recent years does; says so in `source`.
Calibration assumed_calibration(int threads);
MessageSpeed assumed_messages();

/// The same machine with another number of threads, taken to scale evenly; says so in `source`.
Calibration with_threads(const Calibration& measured, int threads);

/// A gradient of `floats` floats summed over the ranks of a team: the gate at its first rank, then the all-reduce.
double sum_seconds(const MessageSpeed& speed, int ranks, double floats);

}  // namespace layersweep::plan
