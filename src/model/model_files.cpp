#include "model/model_files.hpp"

#include <fmt/format.h>

#include <set>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "model/json_file.hpp"

namespace layersweep::model {
namespace {

using Path = std::filesystem::path;

constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";

[[noreturn]] void refuse_index(const Path& index, std::string_view why) {
  throw base::InputError(fmt::format("{} does not fit the files beside it", index.string()), why,
                         "Fetch the model again, or save it anew (transformers: save_pretrained)");
}

[[noreturn]] void refuse_without_weights(const Path& folder) {
  const Path file = folder / single_name;
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"}) {
    if (!std::filesystem::exists(folder / name)) continue;
    throw base::InputError(fmt::format("cannot read {}", file.string()),
                           fmt::format("the folder has its weights only as {}, which can run code when it is read", name),
                           fmt::format("Convert it, in Python: model = transformers.AutoModelForSequenceClassification."
                                       "from_pretrained(\"{0}\"); model.save_pretrained(\"{0}\") (or the class of its head)",
                                       folder.string()));
  }
  throw base::InputError(fmt::format("cannot read {}", file.string()),
                         fmt::format("it is missing, and so is {}", index_name),
                         "Name a folder with config.json and model.safetensors");
}

// Names of tensors and of the shards that hold them, as the index has it.
std::map<std::string, std::string> shard_names(const Path& index) {
  const nlohmann::json json = read_json_object(index);
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object() || map->empty())
    refuse_index(index, "it has no weight_map of tensors and files");
  std::map<std::string, std::string> shards;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) refuse_index(index, fmt::format("its file of tensor {} is not a name", tensor));
    const auto name = file.get<std::string>();
    if (name.empty() || name.find('/') != name.npos || name.find('\0') != name.npos || name == "." || name == "..") {
      refuse_index(index, fmt::format("its file of tensor {}, \"{}\", is no name of a file beside it", tensor, name));
    }
    shards.emplace(tensor, name);
  }
  return shards;
}

// All files of the weights, the index first where there is one.
std::vector<Path> weight_paths(const Path& folder) {
  if (std::filesystem::exists(folder / single_name)) return {folder / single_name};
  const Path index = folder / index_name;
  if (!std::filesystem::exists(index)) refuse_without_weights(folder);
  std::set<std::string> names;
  for (const auto& [tensor, shard] : shard_names(index)) names.insert(shard);
  std::vector<Path> paths{index};
  for (const std::string& name : names) {
    if (!std::filesystem::exists(folder / name)) refuse_index(index, fmt::format("{} is missing", name));
    paths.push_back(folder / name);
  }
  return paths;
}

}  // namespace

void WeightFiles::add(const tensors::SafetensorsFile& shard) {
  for (const std::string& name : shard.names()) {
    const auto [other, is_new] = shard_of_.emplace(name, shards_.size());
    if (!is_new) {
      refuse_index(path_, fmt::format("{} and {} both hold tensor {}", shards_[other->second].path().filename().string(),
                                      shard.path().filename().string(), name));
    }
    names_.push_back(name);
  }
  shards_.push_back(shard);
}

WeightFiles WeightFiles::open(const Path& folder) {
  const std::vector<Path> paths = weight_paths(folder);
  WeightFiles files;
  files.path_ = paths.front();
  const bool single = paths.size() == 1;
  for (std::size_t shard = single ? 0 : 1; shard < paths.size(); ++shard) {
    files.add(tensors::SafetensorsFile::open(paths[shard]));
  }
  if (single) return files;
  const auto shards = shard_names(files.path_);
  for (const auto& [tensor, shard] : shards) {
    if (!files.contains(tensor) || files.file_of(tensor).path().filename() != shard) {
      refuse_index(files.path_, fmt::format("{} does not hold tensor {}", shard, tensor));
    }
  }
  for (const std::string& name : files.names_) {
    if (!shards.contains(name)) refuse_index(files.path_, fmt::format("it does not name tensor {}", name));
  }
  return files;
}

const tensors::SafetensorsFile& WeightFiles::file_of(std::string_view name) const {
  const auto shard = shard_of_.find(name);
  if (shard == shard_of_.end()) {
    throw base::InputError(fmt::format("{} holds no tensor \"{}\"", path_.string(), name), {},
                           "config.json and the weights must be of the same model");
  }
  return shards_[shard->second];
}

std::map<std::string, std::string> hashes_of_model(const Path& folder) {
  std::vector<Path> files = weight_paths(folder);
  files.push_back(folder / "config.json");
  for (const char* name : tokenizer_file_names) {
    if (std::filesystem::exists(folder / name)) files.push_back(folder / name);
  }
  std::map<std::string, std::string> hashes;
  for (const Path& file : files) hashes[file.filename().string()] = base::sha256_of_file(file);
  return hashes;
}

}  // namespace layersweep::model
