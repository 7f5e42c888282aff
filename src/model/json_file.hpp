// JSON files with errors that name file and key.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace layersweep::model {

/// Throws InputError when the file cannot be read or is not a JSON object.
nlohmann::json read_json_object(const std::filesystem::path& file);

/// Throws InputError: `folder` holds an adapter, which is no model by itself.
[[noreturn]] void refuse_adapter(const std::filesystem::path& folder);

/// The key model_type; throws InputError when it is missing.
std::string model_type(const nlohmann::json& config, const std::filesystem::path& file);

/// Writes beside the target, then renames.
void write_json(const std::filesystem::path& file, const nlohmann::json& value);

}  // namespace layersweep::model
