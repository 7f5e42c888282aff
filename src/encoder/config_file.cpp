#include "encoder/config_file.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/error.hpp"
#include "encoder/json_file.hpp"

namespace layersweep::encoder {

ConfigFile::ConfigFile(const std::filesystem::path& file, std::string remedy)
    : file_(file), remedy_(std::move(remedy)), json_(read_json_object(file)) {}

std::int64_t ConfigFile::size(const char* key) const {
  const auto found = json_.find(key);
  if (found == json_.end()) refuse(key, "is missing");
  return checked_size(key, *found);
}

std::int64_t ConfigFile::size_or(const char* key, std::int64_t otherwise) const {
  const auto found = json_.find(key);
  return found == json_.end() || found->is_null() ? otherwise : checked_size(key, *found);
}

double ConfigFile::number_or(const char* key, double otherwise, double low, double below) const {
  const auto found = json_.find(key);
  if (found == json_.end() || found->is_null()) return otherwise;
  if (!found->is_number()) refuse(key, "is not a number");
  const double value = found->get<double>();
  if (!(value >= low && value < below)) refuse(key, fmt::format("is {}, outside [{}, {})", value, low, below));
  return value;
}

void ConfigFile::expect(const char* key, const char* only) const {
  const auto found = json_.find(key);
  if (found == json_.end() || found->is_null()) return;  // Hugging Face's default is the one we know
  if (!found->is_string() || *found != only) {
    refuse(key, fmt::format("is {}, and only \"{}\" is computed here", found->dump(), only));
  }
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
  const auto labels = json_.find("id2label");
  if (labels == json_.end() || !labels->is_object()) return names;
  for (std::size_t label = 0; label < labels->size(); ++label) {
    const auto name = labels->find(std::to_string(label));
    if (name == labels->end() || !name->is_string()) return {};
    names.push_back(name->get<std::string>());
  }
  return names;
}

void ConfigFile::refuse(std::string_view key, std::string_view why) const {
  throw base::InputError(fmt::format("{}: cannot use this model", file_.string()), fmt::format("{} {}", key, why), remedy_);
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

}  // namespace layersweep::encoder
