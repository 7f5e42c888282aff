#include "model/json_file.hpp"

#include <fmt/format.h>

#include <fstream>

#include "base/error.hpp"

namespace layersweep::model {

void refuse_adapter(const std::filesystem::path& folder) {
  throw base::InputError(fmt::format("{} holds an adapter (adapter_config.json)", folder.string()),
                         "its weights are changes to those of another model",
                         "Merge it first, in Python with peft: model.merge_and_unload().save_pretrained(FOLDER); name that");
}

nlohmann::json read_json_object(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream && std::filesystem::exists(file.parent_path() / "adapter_config.json")) refuse_adapter(file.parent_path());
  if (!stream) {
    throw base::InputError(
        fmt::format("cannot read {}", file.string()), "the file is missing or not readable",
        "Name a folder with config.json and model.safetensors; `datasets/fetch.sh encoder` brings a small one");
  }
  auto value = nlohmann::json::parse(stream, nullptr, /*allow_exceptions=*/false);
  if (!value.is_object()) {
    throw base::InputError(fmt::format("{} is damaged", file.string()), "it is not a JSON object", "Fetch the model again");
  }
  return value;
}

std::string model_type(const nlohmann::json& config, const std::filesystem::path& file) {
  const auto found = config.find("model_type");
  if (found == config.end() || !found->is_string()) {
    throw base::InputError(fmt::format("{} has no model_type", file.string()), "the kind of model is unknown",
                           "Name a folder of a model in the layout of Hugging Face");
  }
  return found->get<std::string>();
}

void write_json(const std::filesystem::path& file, const nlohmann::json& value) {
  const std::filesystem::path temporary = file.string() + ".part";
  std::ofstream stream(temporary);
  stream << value.dump(2) << '\n';
  stream.close();
  if (!stream) {
    throw base::InputError(fmt::format("cannot write {}", file.string()), "the disk is full or the folder is not writable");
  }
  std::filesystem::rename(temporary, file);
}

}  // namespace layersweep::model
