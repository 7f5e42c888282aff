// The model of an experiment as costs see it, before any weights are read.
#pragma once

#include <optional>

#include "config/experiment.hpp"
#include "model/bert_config.hpp"
#include "model/gru_classifier.hpp"
#include "plan/model.hpp"

namespace layersweep::jobs {

/// From the config.json of encoder.folder, with the head that the run gives it. Throws InputError. Independent.
plan::Model planned_model(const config::Experiment& experiment);

/// The sizes of the recurrent classifier that the experiment trains or takes as it is; none where it is another model.
/// Throws InputError. Independent.
std::optional<model::GruClassifierConfig> planned_gru(const config::Experiment& experiment);

/// Those of its encoder, where it is neither that nor the counting task's model. Throws InputError. Independent.
model::BertConfig planned_bert(const config::Experiment& experiment);

}  // namespace layersweep::jobs
