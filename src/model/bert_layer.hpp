// One frozen BERT layer, written by hand with its own backward pass: gradients reach the states, never the weights.
#pragma once

#include <ATen/core/Tensor.h>

#include "model/bert_config.hpp"
#include "model/bert_weights.hpp"
#include "model/model.hpp"

namespace layersweep::model {

/// R x T x H states to R x T x H, or with Need::read_out to R x 1 x H: keys and values of all tokens, all else of the first
/// only. `lengths` (R int64) are the tokens that may be attended to. `config` and `weights` must outlive the graph.
at::Tensor bert_layer(const BertConfig& config, const BertLayerWeights& weights, const at::Tensor& states,
                      const at::Tensor& lengths, Need need);

/// R x T x H word embeddings and R x T segments to the input of the first layer.
at::Tensor bert_embed(const BertConfig& config, const BertWeights& weights, const at::Tensor& words,
                      const at::Tensor& segments);

}  // namespace layersweep::model
