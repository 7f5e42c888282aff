#include "model/weight_file.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/aminmax.h>
#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <optional>

#include "base/error.hpp"
#include "base/mapped_file.hpp"

namespace layersweep::model {
namespace {

std::optional<at::ScalarType> scalar_type(tensors::Dtype dtype) {
  switch (dtype) {
    case tensors::Dtype::f32:
      return at::kFloat;
    case tensors::Dtype::f16:
      return at::kHalf;
    case tensors::Dtype::bf16:
      return at::kBFloat16;
    default:
      return std::nullopt;
  }
}

}  // namespace

void read_weight(const WeightFiles& files, const std::string& name_in_file, const NamedWeight& weight) {
  const at::NoGradGuard no_grad;
  const tensors::SafetensorsFile& file = files.file_of(name_in_file);
  const tensors::TensorInfo& info = file.info(name_in_file);
  const auto problem = fmt::format("cannot use {} of {}", name_in_file, file.path().string());
  const auto type = scalar_type(info.dtype);
  if (!type) {
    throw base::InputError(problem, fmt::format("its type is {}, and weights are F32, F16 or BF16", dtype_name(info.dtype)));
  }
  if (at::IntArrayRef(info.shape) != weight.shape()) {
    const auto expected = weight.shape().vec();
    throw base::InputError(problem,
                           fmt::format("its shape is [{}], and config.json makes it [{}]", fmt::join(info.shape, ", "),
                                       fmt::join(expected, ", ")),
                           "config.json and model.safetensors must be of the same model");
  }
  // The file is mapped read-only; the view is only read from.
  const std::span<const std::byte> stored = file.data(name_in_file);
  void* bytes = const_cast<std::byte*>(stored.data());
  at::Tensor value = weight.value;
  value.copy_(at::from_blob(bytes, value.sizes(), at::TensorOptions().dtype(*type)));
  base::release_pages(stored);  // else a large model is in memory twice while it is loaded
  // Both are NaN where any value is. Testing every value instead would take one and a half times the tensor's memory.
  const auto [least, most] = at::aminmax(value);
  if (!std::isfinite(least.item<double>()) || !std::isfinite(most.item<double>())) {
    throw base::InputError(problem, "it holds values that are not finite", "fetch or train the model again");
  }
}

void write_weights(const std::filesystem::path& file, const std::vector<NamedWeight>& weights) {
  std::vector<at::Tensor> kept;  // row-major copies where needed, alive until written
  std::vector<tensors::TensorToWrite> list;
  for (const NamedWeight& weight : weights) {
    kept.push_back(weight.value.detach().contiguous());
    const at::Tensor& value = kept.back();
    list.push_back(tensors::tensor_to_write<float>(
        weight.name, weight.shape().vec(), {value.const_data_ptr<float>(), static_cast<std::size_t>(value.numel())}));
  }
  tensors::write_safetensors(file, std::move(list), {{"format", "pt"}});
}

}  // namespace layersweep::model
