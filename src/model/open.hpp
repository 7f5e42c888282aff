// Models from folders, of whichever family.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

#include "model/family.hpp"

namespace layersweep::model {

/// Opens the model in `folder` (config.json, model.safetensors), whose weights may be F32, F16 or BF16. Throws InputError,
/// naming the key or the tensor, when the folder does not hold a model of one of families(), or holds one without a head, or
/// one that is not computed as the options ask.
inline std::unique_ptr<Model> open_model(const std::filesystem::path& folder, const OpenOptions& options = {}) {
  return family_in(folder).open(folder, options);
}

/// Throws InputError naming the key; where its head is used, also where that is none that is computed.
inline ModelDescription describe_model(const std::filesystem::path& folder, OwnHead head = OwnHead::used) {
  return family_in(folder).describe(folder, head);
}

/// Throws InputError where a text holds a token or a segment that the model has no embedding of.
void check_embedded(const ModelDescription& model, std::span<const std::int32_t> token_ids,
                    std::span<const std::int32_t> segments);

}  // namespace layersweep::model
