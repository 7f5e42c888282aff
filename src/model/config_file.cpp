#include "model/config_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.hpp"
#include "model/json_file.hpp"

namespace layersweep::model {
namespace {

std::string dumped(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

ConfigFile::ConfigFile(const std::filesystem::path& file, std::string remedy)
    : file_(file), remedy_(std::move(remedy)), json_(read_json_object(file)) {}

const nlohmann::json& ConfigFile::value(const char* key) const {
  static const nlohmann::json null;
  const auto found = json_.find(key);
  return found == json_.end() ? null : *found;
}

std::int64_t ConfigFile::size(const char* key) const {
  const auto found = json_.find(key);
  if (found == json_.end()) refuse(key, "is missing");
  return checked_size(key, *found);
}

std::int64_t ConfigFile::size_or(const char* key, std::int64_t otherwise) const {
  return value(key).is_null() ? otherwise : checked_size(key, value(key));
}

double ConfigFile::number_or(const char* key, double otherwise, double low, double below) const {
  if (value(key).is_null()) return otherwise;
  if (!value(key).is_number()) refuse(key, "is not a number");
  const auto number = value(key).get<double>();
  if (!(number >= low && number < below)) refuse(key, fmt::format("is {}, outside [{}, {})", number, low, below));
  return number;
}

bool ConfigFile::truth_or(const char* key, bool otherwise) const {
  if (value(key).is_null()) return otherwise;
  if (!value(key).is_boolean()) refuse(key, "is neither true nor false");
  return value(key).get<bool>();
}

std::string ConfigFile::text_or(const char* key, const char* otherwise) const {
  if (value(key).is_null()) return otherwise;
  if (!value(key).is_string()) refuse(key, "is not a text");
  return value(key).get<std::string>();
}

void ConfigFile::expect(const char* key, const nlohmann::json& only) const {
  if (value(key).is_null() || value(key) == only) return;  // Hugging Face's default is the one we know
  refuse(key, fmt::format("is {}, and only {} is computed here", dumped(value(key)), dumped(only)));
}

void ConfigFile::refuse_what_none_computes() const {
  if (!value("quantization_config").is_null()) {
    refuse("quantization_config", "is set: the weights are quantised",
           "Load the model in transformers, dequantize() it, save_pretrained() it to another folder and name that");
  }
  if (!value("auto_map").is_null()) {
    refuse("auto_map", "names program code of the model's own, which is not run here",
           "Use a model of an architecture that transformers itself has");
  }
  if (truth_or("is_encoder_decoder", false)) {
    refuse("is_encoder_decoder", "is set, and models of an encoder and a decoder are not computed here", remedy_);
  }
  if (std::filesystem::exists(file_.parent_path() / "adapter_config.json")) refuse_adapter(file_.parent_path());
}

std::int64_t ConfigFile::class_count() const {
  const auto labels = json_.find("id2label");
  if (labels != json_.end() && labels->is_object()) {
    if (json_.contains("num_labels") && size("num_labels") != static_cast<std::int64_t>(labels->size())) {
      refuse("num_labels", "does not agree with id2label");
    }
    return static_cast<std::int64_t>(labels->size());
  }
  return size_or("num_labels", 2);
}

std::vector<std::string> ConfigFile::class_names() const {
  std::vector<std::string> names;
  const nlohmann::json& labels = value("id2label");
  if (labels.is_null()) return names;
  if (!labels.is_object()) refuse("id2label", "is no object of numbers and names");
  std::set<std::string> seen;
  for (std::size_t label = 0; label < labels.size(); ++label) {
    const auto name = labels.find(std::to_string(label));
    if (name == labels.end()) refuse("id2label", fmt::format("has {} classes and no number {}", labels.size(), label));
    names.push_back(name->is_string() ? name->get<std::string>() : dumped(*name));
    if (!seen.insert(names.back()).second) {
      refuse("id2label", fmt::format("gives two classes the name \"{}\"", names.back()),
             "Give each class a name of its own");
    }
  }
  return names;
}

std::vector<std::string> ConfigFile::keys_beside(std::span<const std::string_view> known) const {
  std::vector<std::string> others;
  for (const auto& [key, value] : json_.items()) {
    if (std::ranges::find(known, key) == known.end()) others.push_back(key);
  }
  return others;
}

void ConfigFile::refuse(std::string_view key, std::string_view why, std::string_view remedy) const {
  throw base::InputError(fmt::format("{}: cannot use this model", file_.string()), fmt::format("{} {}", key, why), remedy);
}

std::int64_t ConfigFile::checked_size(const char* key, const nlohmann::json& value) const {
  if (!value.is_number_integer()) refuse(key, "is not a whole number");
  const auto size = value.get<std::int64_t>();
  // 2^24 is far above any real size and keeps every product of two sizes inside 64 bits.
  if (size < 1 || size > (std::int64_t{1} << 24)) refuse(key, fmt::format("is {}, outside 1 .. 2^24", size));
  return size;
}

void put_classes(nlohmann::json& config, std::int64_t classes, const std::vector<std::string>& names) {
  for (const char* key : {"num_labels", "id2label", "label2id"}) config.erase(key);
  for (std::int64_t label = 0; label < classes; ++label) {
    const auto named = static_cast<std::size_t>(label) < names.size();
    const std::string name = named ? names[static_cast<std::size_t>(label)] : fmt::format("LABEL_{}", label);
    config["id2label"][std::to_string(label)] = name;
    config["label2id"][name] = label;
  }
}

}  // namespace layersweep::model
