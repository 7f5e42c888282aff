// A results file in a screenful of plain text.
#pragma once

#include <filesystem>
#include <string>

namespace layersweep::store {

/// Sizes, modes, what was asked, acceptance per point and where the file comes from; lines of at most 100 columns.
/// Throws InputError when the file cannot be read. Independent.
std::string inspect(const std::filesystem::path& path);

}  // namespace layersweep::store
