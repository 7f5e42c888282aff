// The model of an experiment before any weights are read.
#pragma once

#include <optional>

#include "config/experiment.hpp"
#include "model/head.hpp"
#include "plan/model.hpp"

namespace layersweep::jobs {

/// The head that a run gives its model; none: its own. Throws InputError. Independent.
std::optional<model::Head> planned_head(const config::Experiment& experiment);

/// As costs see it, from the config.json of encoder.folder. Throws InputError. Independent.
plan::Model planned_model(const config::Experiment& experiment);

}  // namespace layersweep::jobs
