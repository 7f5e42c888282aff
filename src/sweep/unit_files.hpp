// Trained units on disk: probes.safetensors (weights of every probe by name, final multipliers, curves) and done.json.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "plan/unit.hpp"
#include "sweep/trained_unit.hpp"

namespace layersweep::sweep {

/// Writes `folder`/probes.safetensors, then done.json, which names its SHA-256: a unit without a matching done.json is
/// not done; its checkpoints are removed after that. `identity` is the hash of the experiment. Independent (one rank calls
/// it). Throws InputError.
void save_unit(const std::filesystem::path& folder, const plan::Unit& unit, const TrainedUnit& trained,
               const std::string& identity);

/// The unit, when `folder` holds it complete; nothing when it was never finished. Throws InputError when it is damaged or
/// belongs to another experiment.
std::optional<TrainedUnit> load_unit(const std::filesystem::path& folder, const plan::Unit& unit,
                                     const std::vector<std::int64_t>& widths, const std::string& identity);

}  // namespace layersweep::sweep
