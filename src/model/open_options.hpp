// What families share in honouring the options of opening a model.
#pragma once

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <filesystem>
#include <span>

#include "base/error.hpp"
#include "base/random.hpp"
#include "model/family.hpp"

namespace layersweep::model {

/// Changes the weights of the last map in place, where the options ask for it.
inline void shuffle_head(const at::Tensor& weights, const OpenOptions& options) {
  if (!options.shuffled_head) return;
  base::RandomStream random(base::philox_key(*options.shuffled_head, base::Purpose::shuffled_head));
  base::shuffle(std::span(weights.data_ptr<float>(), static_cast<std::size_t>(weights.numel())), random);
}

/// For recurrences, whose kernels are this program's own: they read the memory of the host, in fp32.
inline void refuse_beyond_fp32_on_cpu(const std::filesystem::path& folder, const char* model, const OpenOptions& options) {
  if (!options.device.is_cpu()) {
    throw base::InputError(fmt::format("{} holds {}, which is computed on CPUs only", folder.string(), model), {},
                           "Use run.device = cpu");
  }
  if (is_bf16(options.arithmetic)) {
    throw base::InputError(fmt::format("{} holds {}, which is computed in fp32", folder.string(), model), {},
                           "Use run.precision = fp32");
  }
}

}  // namespace layersweep::model
