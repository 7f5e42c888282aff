#include "store/checksum_file.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/files.hpp"

namespace layersweep::store {

std::filesystem::path checksum_path(const std::filesystem::path& path) { return path.string() + ".sha256"; }

std::optional<std::string> recorded_checksum(const std::filesystem::path& path) {
  if (!std::filesystem::exists(checksum_path(path))) return std::nullopt;
  const std::string text = base::read_text_file(checksum_path(path));
  return text.substr(0, text.find(' '));
}

void record_checksum(const std::filesystem::path& path, const std::string& sha256) {
  base::write_file_atomically(checksum_path(path), fmt::format("{}  {}\n", sha256, path.filename().string()));
}

void forget_checksum(const std::filesystem::path& path) {
  std::error_code failed;
  if (!std::filesystem::remove(checksum_path(path), failed) && failed) {
    throw base::InputError(fmt::format("cannot remove {}", checksum_path(path).string()), failed.message());
  }
}

}  // namespace layersweep::store
