// Whole files in and out. A written file is either complete under its name or not there at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace layersweep::base {

/// The file's bytes; throws InputError when it cannot be read or is not a regular file.
std::string read_text_file(const std::filesystem::path& file);

/// Writes the parts one after another to a temporary name in the same folder, syncs, renames to `file`, syncs the folder.
/// On any failure (no space, no permission, I/O error, …) throws InputError; what stood under `file` is then unchanged
/// and the temporary file is gone. The folder must exist.
void write_file_atomically(const std::filesystem::path& file, std::span<const std::span<const std::byte>> parts);
void write_file_atomically(const std::filesystem::path& file, std::string_view text);

/// Makes names in the folder (created, renamed, removed) survive a power failure; throws InputError.
void sync_folder(const std::filesystem::path& folder);

}  // namespace layersweep::base
