// The SHA-256 of a finished results file, in a small file beside it (results.h5.sha256) in the form that sha256sum(1) writes
// and checks. HDF5 1.10 keeps checksums of its structures and gzip of the cells, but the heap with the references between
// variables and scales (DIMENSION_LIST) has none, and a damaged one crashes readers: only a sum over all bytes finds that.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace layersweep::store {

std::filesystem::path checksum_path(const std::filesystem::path& path);

/// The 64 digits that stand beside the file, or what stands there in place of them; nothing when there is no such file.
/// Throws InputError when it cannot be read.
std::optional<std::string> recorded_checksum(const std::filesystem::path& path);

/// Throws InputError. One process calls.
void record_checksum(const std::filesystem::path& path, const std::string& sha256);

/// No sum rather than that of an older file: called before a file takes the place of another. Throws InputError.
void forget_checksum(const std::filesystem::path& path);

}  // namespace layersweep::store
