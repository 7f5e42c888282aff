// Step 2: the model to be explained: the encoder as it is, fine-tuned on the task, or the counting model trained.
#pragma once

#include <filesystem>

#include "jobs/context.hpp"

namespace layersweep::jobs {

/// The folder of the model: `encoder.folder` when finetune.epochs is 0, else the run's model/, trained if it is not there
/// yet. Collective.
std::filesystem::path finetune(const Context& context, const Texts& texts);

}  // namespace layersweep::jobs
