// Fixtures of the tokenizer tests, made by scripts/make_tokenizer_fixtures.py.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/files.hpp"

namespace layersweep::test {

inline std::filesystem::path tokenizer_fixtures() { return source_dir() / "tests/text/fixtures"; }

inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(in, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

inline void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

/// The encoder folder that the corpus hashes were recorded with.
inline std::filesystem::path minilm_dir() {
  const char* folder = std::getenv("LAYERSWEEP_ENCODERS");
  return (folder != nullptr ? std::filesystem::path(folder) : source_dir() / ".deps/encoders") / "minilm-l6";
}

}  // namespace layersweep::test
