// Named fp32 weights from and to safetensors files, with errors that name the tensor.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "model/model_files.hpp"
#include "model/named_weight.hpp"

namespace layersweep::model {

/// Copies a tensor of the files into `weight`, converting F16 and BF16 to fp32. Throws InputError when its shape or type
/// is another, or when it holds values that are not finite.
void read_weight(const WeightFiles& files, const std::string& name_in_file, const NamedWeight& weight);

/// Writes fp32 weights under their names; parts of a fused tensor are written apart.
void write_weights(const std::filesystem::path& file, const std::vector<NamedWeight>& weights);

}  // namespace layersweep::model
