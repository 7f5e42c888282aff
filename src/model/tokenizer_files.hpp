// The tokenizer in a model's folder.
#pragma once

#include <cstdint>
#include <filesystem>

namespace layersweep::model {

/// The id of [MASK] by the folder's tokenizer; −1 where the folder has no tokenizer.
std::int64_t mask_token(const std::filesystem::path& folder);

/// Copies the tokenizer's files, so that the model in `folder` stands alone.
void copy_tokenizer(const std::filesystem::path& source, const std::filesystem::path& folder);

}  // namespace layersweep::model
