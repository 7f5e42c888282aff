// What is known of the texts of a task without having them: the manifests of datasets/, as they were when this program was
// built.
#pragma once

#include <string>

#include "config/experiment.hpp"
#include "plan/lengths.hpp"

namespace layersweep::app {

/// Number and lengths of the texts that the experiment uses. Throws InputError when the manifest does not tell.
plan::Texts texts_of(const config::Task& task);

/// The same of any experiment: users' own texts (task.name = text) are read and tokenised. Throws InputError.
plan::Texts texts_of(const config::Experiment& experiment);

/// The JSON text of datasets/<name>.json; empty for a name without one.
std::string manifest_text(std::string_view name);

}  // namespace layersweep::app
