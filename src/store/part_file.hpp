// The file under construction beside the final name, as the operating system sees it. One process calls.
#pragma once

#include <filesystem>

namespace layersweep::store {

std::filesystem::path part_path(const std::filesystem::path& path);

/// Makes an empty <path>.part, so that a missing folder, a missing permission or a full disk is told in the system's words
/// before any library gets to it. Throws InputError.
void make_part_file(const std::filesystem::path& path);

/// Waits until the file's bytes are on the disk. Throws InputError.
void sync_part_file(const std::filesystem::path& path);

/// Renames <path>.part to <path> and syncs the folder. Throws InputError.
void publish_part_file(const std::filesystem::path& path);

/// Removes <path>.part where there is one; reports nothing.
void remove_part_file(const std::filesystem::path& path) noexcept;

}  // namespace layersweep::store
