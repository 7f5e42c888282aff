// The header of a safetensors file, read with every check of the reference implementation (and against duplicate keys,
// which the format forbids but the reference lets pass).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tensors/safetensors.hpp"

namespace layersweep::tensors {

struct HeaderEntry {
  std::string name;
  TensorInfo info;
  std::uint64_t begin = 0;  ///< in the file
  std::uint64_t end = 0;
};

struct Header {
  std::map<std::string, std::string> metadata;
  std::vector<HeaderEntry> entries;  ///< in order of their place: contiguous, and they end where the file ends
};

/// Longest header taken, in bytes; the reference's limit, which keeps a damaged length from asking for all memory.
constexpr std::uint64_t kHeaderBytesLimit = 100'000'000;

/// `bytes` is the whole file; `file` is for messages. Throws InputError.
Header read_header(std::span<const std::byte> bytes, const std::filesystem::path& file);

/// Bits of a tensor of this type and shape; nothing when that is not representable.
std::optional<std::uint64_t> bits_of(const TensorInfo& info);

}  // namespace layersweep::tensors
