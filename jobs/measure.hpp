// How fast this machine trains probes of a model: timed on random weights of its size and random texts.
#pragma once

#include <memory>

#include "comm/communicator.hpp"
#include "config/experiment.hpp"
#include "model/model.hpp"
#include "plan/calibration.hpp"
#include "plan/lengths.hpp"
#include "plan/model.hpp"

namespace layersweep::jobs {

/// Times the passes of the experiment's modes and, with two ranks or more, messages. All ranks measure at the same time, as
/// they would train, and the slowest counts. Takes some seconds a mode. Collective.
plan::Calibration measure(const comm::Communicator& ranks, const config::Experiment& experiment, const plan::Model& model,
                          const plan::TextLengths& texts, int threads);

}  // namespace layersweep::jobs
