// Frozen models from folders.
#pragma once

#include <filesystem>
#include <memory>

#include "encoder/bert.hpp"
#include "encoder/encoder.hpp"

namespace layersweep::encoder {

/// Opens the model in `folder` (config.json, model.safetensors): a BertForSequenceClassification or BertForQuestionAnswering
/// in the layout of Hugging Face (F32, F16 or BF16 weights; computed as `arithmetic` says) or a counting model saved by this
/// program. Throws InputError, naming the key or the tensor, when the folder does not hold such a model, or holds one
/// without a head.
std::unique_ptr<Encoder> open_encoder(const std::filesystem::path& folder, Arithmetic arithmetic = Arithmetic::fast);

}  // namespace layersweep::encoder
