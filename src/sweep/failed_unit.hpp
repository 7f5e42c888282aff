// The mark of a unit whose training failed: failed.json in its folder, with the reason. Such a unit is not tried again
// until somebody asks for it (`layersweep retry`).
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace layersweep::sweep {

/// Makes the folder where it is missing. Throws InputError. Independent.
void mark_failed(const std::filesystem::path& folder, const std::string& reason);

/// Why the unit failed; nothing when it did not. Throws InputError when the mark cannot be read. Independent.
std::optional<std::string> failure_of(const std::filesystem::path& folder);

/// Forgets a failure and a result, so that the unit is trained again, from the start. Independent.
void forget_unit(const std::filesystem::path& folder);

}  // namespace layersweep::sweep
