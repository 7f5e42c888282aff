// A frozen layer written by hand with its own backward pass, for CPUs: gradients reach the states, never the weights. It
// serves post-norm encoders with layer norms, gelu, biases and learned positions; bench_encoder times it beside the plain
// one.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/model.hpp"
#include "model/transformer/specification.hpp"
#include "model/transformer/token_places.hpp"
#include "model/transformer/weights.hpp"

namespace layersweep::model {

bool has_fast_layer(const TransformerSpec& spec);

/// R x T x H states to R x T x H, or with Need::read_out to R x 1 x H: keys and values of all tokens, all else of the first
/// only. `lengths` (R int64) are the tokens that may be attended to. `spec` and `weights` must outlive the graph.
at::Tensor fast_layer(const TransformerSpec& spec, const LayerWeights& weights, const at::Tensor& states,
                      const at::Tensor& lengths, Need need);

/// R x T x H word embeddings and their places to the input of the first layer; where words are as wide as that.
at::Tensor fast_embed(const TransformerSpec& spec, const TransformerWeights& weights, const at::Tensor& words,
                      const TokenPlaces& places);

}  // namespace layersweep::model
