// Where tests find the source tree and put what they write.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace layersweep::test {

inline std::filesystem::path source_dir() {
  const char* folder = std::getenv("LAYERSWEEP_SOURCE_DIR");
  return folder != nullptr ? std::filesystem::path(folder) : std::filesystem::current_path();
}

/// The data folder of LAYERSWEEP_DATA (sst/, squad/), when it is set and exists.
inline std::optional<std::filesystem::path> data_dir() {
  const char* folder = std::getenv("LAYERSWEEP_DATA");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) return std::nullopt;
  return std::filesystem::path(folder);
}

/// A folder of its own for one test, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "layersweep-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace layersweep::test
