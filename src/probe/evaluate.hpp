// Trained probes on hard masks: keep_probability > 0.5 becomes a gate of exactly 1, anything else 0; no sampling.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/model.hpp"
#include "probe/parameters.hpp"

namespace layersweep::probe {

inline constexpr double keep_threshold = 0.5;

/// Per (point, seed) of a batch, for the points asked for, in the host's memory; tokens beyond a text's length hold no
/// meaning.
struct HardMasks {
  at::Tensor keep_probability;  ///< points x S x B x T
  at::Tensor kl;                ///< points x S x B, NaN for cells not asked for
  at::Tensor flipped;           ///< points x S x B, 0 or 1, NaN for cells not asked for
  at::Tensor keep_share;        ///< points x S x B, kept tokens ÷ tokens, special ones included
};

/// Evaluates the cells of `points` where `active` (P x S bool, in the host's memory) is true; `clean` is the model's clean
/// pass of `batch`; `parameters` may lie on any device. Records no gradient. Independent.
HardMasks evaluate_hard_masks(const model::Model& model, const model::Batch& batch, const model::Clean& clean,
                              const ProbeLayout& layout, const at::Tensor& parameters, const at::Tensor& active,
                              PointRange points = {});

/// The same under given gates, points x S x B x T of 0 and 1 on any device, with the probes' replacement vectors;
/// keep_probability stays undefined.
HardMasks evaluate_gates(const model::Model& model, const model::Batch& batch, const model::Clean& clean,
                         const ProbeLayout& layout, const at::Tensor& parameters, const at::Tensor& active,
                         const at::Tensor& gates, PointRange points = {});

/// 1 where a token is kept, of keep probabilities of any shape.
at::Tensor hard_gates(const at::Tensor& keep_probability);

}  // namespace layersweep::probe
