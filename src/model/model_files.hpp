// The files of a model's folder: which there are, and what they are, byte for byte.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tensors/safetensors.hpp"

namespace layersweep::model {

/// The weights of a model: model.safetensors, or the shards that model.safetensors.index.json names. Copies are cheap.
class WeightFiles {
 public:
  /// Throws InputError, with the remedy, where the folder has neither, and where the index and its shards disagree: a shard
  /// that is missing or lies outside the folder, a tensor that is in none or in another one, or in two.
  static WeightFiles open(const std::filesystem::path& folder);

  /// For messages: the file, or the index.
  const std::filesystem::path& path() const { return path_; }
  const std::vector<std::string>& names() const { return names_; }
  bool contains(std::string_view name) const { return shard_of_.contains(name); }
  /// The file that holds a tensor; throws InputError where none does.
  const tensors::SafetensorsFile& file_of(std::string_view name) const;
  const tensors::TensorInfo& info(std::string_view name) const { return file_of(name).info(name); }

 private:
  void add(const tensors::SafetensorsFile& shard);

  std::filesystem::path path_;
  std::vector<tensors::SafetensorsFile> shards_;
  std::map<std::string, std::size_t, std::less<>> shard_of_;
  std::vector<std::string> names_;
};

/// Names of the tokenizer's files, as many as a folder may have.
inline constexpr const char* tokenizer_file_names[] = {
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json",
    "merges.txt"};

/// SHA-256 (hex) of every file that decides what the model in `folder` computes from a text, by name: its config.json, its
/// weights and its tokenizer's files. Reads all weights. Throws InputError.
std::map<std::string, std::string> hashes_of_model(const std::filesystem::path& folder);

}  // namespace layersweep::model
