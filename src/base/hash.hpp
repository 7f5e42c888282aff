// SHA-256 of texts and files (OpenSSL), for file names, provenance and checks of fetched data.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace layersweep::base {

/// Incremental SHA-256; `hex()` ends it and gives 64 lower-case hexadecimal digits.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_of_text(std::string_view text);

/// Throws InputError when the file cannot be read.
std::string sha256_of_file(const std::filesystem::path& file);

}  // namespace layersweep::base
