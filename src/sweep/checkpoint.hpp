// A unit's training state on disk.
#pragma once

#include <filesystem>

#include "sweep/training_state.hpp"

namespace layersweep::sweep {

/// Writes the state's files into `folder`. Independent. Throws InputError.
void write_state(const std::filesystem::path& folder, const TrainingState& state);

/// Reads them into a state made for the same unit and settings. Independent. Throws InputError.
void read_state(const std::filesystem::path& folder, TrainingState& state);

}  // namespace layersweep::sweep
