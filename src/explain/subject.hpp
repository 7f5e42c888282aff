// What every explainer is given: texts at one point of a frozen model, and what stands there for "nothing". Explainers see
// the model through these calls only, so they serve every model, and classes and answer spans alike.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "model/model.hpp"

namespace layersweep::explain {

/// B texts of at most T tokens at one point; W is the width there. Refers to what it was made from.
struct Subject {
  const model::Model& model;
  const model::Batch& batch;
  const model::Clean& clean;             ///< the model's clean pass of `batch`
  std::span<const std::int64_t> number;  ///< B: names the texts in counter-based noise
  int point = 0;
  at::Tensor replacement;         ///< W: what a dropped token becomes
  at::Tensor mean, deviation;     ///< W: of the states of tokens at the point
  double epsilon = 0;             ///< nats: output change that counts as none
  std::int64_t token_budget = 0;  ///< rows x tokens of the largest pass at once

  std::int64_t texts() const { return batch.size(); }
  std::int64_t width() const { return batch.width(); }
  const at::Tensor& states() const { return clean.states[static_cast<std::size_t>(point)]; }  ///< B x T x W
};

/// The output that follows from rows of states (R x T x W) at the subject's point, the layers above applied. `text` (R
/// int64) says whose row it is. Differentiable with respect to `states`.
at::Tensor outputs_above(const Subject& subject, const at::Tensor& states, const at::Tensor& text);

/// Rows z·h + (1 − z)·b of gates z (R x T), b the replacement. Differentiable with respect to `gates`.
at::Tensor masked_states(const Subject& subject, const at::Tensor& gates, const at::Tensor& text);

/// Outputs of masked rows, computed in pieces that keep the token budget; no gradient.
at::Tensor masked_outputs(const Subject& subject, const at::Tensor& gates, const at::Tensor& text);

/// D[clean output ‖ output] of each row, R, in nats. Differentiable with respect to `outputs`.
at::Tensor divergence(const Subject& subject, const at::Tensor& outputs, const at::Tensor& text);

/// log probability that each row gives to what the clean output predicts, R: its class, or start plus end. Differentiable
/// with respect to `outputs`.
at::Tensor prediction_score(const Subject& subject, const at::Tensor& outputs, const at::Tensor& text);

/// ∂ prediction_score/∂ states of each row, R x T x W.
at::Tensor score_gradient(const Subject& subject, const at::Tensor& states, const at::Tensor& text);

/// Divergences of masked rows, R; no gradient.
at::Tensor masked_divergence(const Subject& subject, const at::Tensor& gates, const at::Tensor& text);

/// `copies` rows of each text, one set of all texts after the other: its `text` index, copies·B.
at::Tensor repeated_texts(const Subject& subject, std::int64_t copies);

/// B x T, all NaN: an attribution that a method does not give.
at::Tensor missing_attribution(const Subject& subject);

}  // namespace layersweep::explain
