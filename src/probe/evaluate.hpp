// Trained probes on hard masks: keep_probability > 0.5 becomes a gate of exactly 1, anything else 0; no sampling.
#pragma once

#include <ATen/core/Tensor.h>

#include "probe/parameters.hpp"
#include "probe/staircase.hpp"

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

/// Evaluates the cells of `points` where `active` (P x S bool, in the host's memory) is true. Records no gradient.
/// Independent.
HardMasks evaluate_hard_masks(const CleanPass& pass, const Probes& probes, const at::Tensor& active, PointRange points = {});

/// The same under given gates, points x S x B x T of 0 and 1 on any device, with the probes' replacement vectors;
/// keep_probability stays undefined.
HardMasks evaluate_gates(const CleanPass& pass, const Probes& probes, const at::Tensor& active, const at::Tensor& gates,
                         PointRange points = {});

/// 1 where a token is kept, of keep probabilities of any shape.
at::Tensor hard_gates(const at::Tensor& keep_probability);

}  // namespace layersweep::probe
