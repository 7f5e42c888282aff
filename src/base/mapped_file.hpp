// A file seen as memory, read-only: ranks of one node share its pages and nothing is read before it is used.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace layersweep::base {

/// Not to be shortened by others while mapped (reading past its new end kills the process), which is why files here are
/// only ever replaced by renaming.
class MappedFile {
 public:
  /// Throws InputError when the file is missing, unreadable or not a regular file.
  explicit MappedFile(const std::filesystem::path& file);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// Bytes of a MappedFile that were read for good: its whole pages leave this process's memory. Touched again they are read
/// again from the file, so this is always safe.
void release_pages(std::span<const std::byte> mapped);

}  // namespace layersweep::base
