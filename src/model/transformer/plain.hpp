// A transformer in ordinary differentiable tensor operations, on any device: what fine-tuning runs, what serves every
// specification, and the reference of the hand-written layer.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "model/read_out.hpp"
#include "model/transformer/specification.hpp"
#include "model/transformer/token_places.hpp"
#include "model/transformer/weights.hpp"

namespace layersweep::model::plain {

/// Dropout from a generator of its own, or none: a null pointer stands for evaluation.
using Dropout = at::Generator*;

/// R x T x W word embeddings and their places to the input of the first layer, R x T x H.
at::Tensor embed(const TransformerSpec& spec, const TransformerWeights& weights, const at::Tensor& words,
                 const TokenPlaces& places, Dropout dropout);

/// Rows of a layer: R x T x H states, of which `lengths` (R int64) tokens may be attended to, and the tokens to be computed
/// (none given: all).
struct LayerInput {
  const at::Tensor& states;
  const at::Tensor& lengths;
  const Reading* reading = nullptr;
  at::Tensor relative = {};  ///< relative_rows
};

/// The vectors of relative positions as layers take them; undefined where the model has none.
at::Tensor relative_rows(const TransformerSpec& spec, const TransformerWeights& weights);

/// R x T x H, or R x P x H of the P tokens that are read.
at::Tensor layer(const TransformerSpec& spec, const LayerWeights& weights, const LayerInput& input, Dropout dropout);

/// What a layer pays to each of its tokens (AttendingModel), R x T.
at::Tensor attention_paid(const TransformerSpec& spec, const LayerWeights& weights, const LayerInput& input);

/// Rows at the last point, as `reading` left them, to logits: R x C, or for a span R x 2 x T, where tokens beyond `lengths`
/// (R int64) get model::beyond_text.
at::Tensor read_out(const TransformerSpec& spec, const TransformerWeights& weights, const LayerInput& input,
                    Dropout dropout);

}  // namespace layersweep::model::plain
