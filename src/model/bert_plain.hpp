// BERT in ordinary differentiable tensor operations: what fine-tuning runs, and the reference of the fast path.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "model/bert_config.hpp"
#include "model/bert_weights.hpp"
#include "model/model.hpp"

namespace layersweep::model::plain {

/// Dropout from a generator of its own, or none: a null pointer stands for evaluation.
using Dropout = at::Generator*;

/// R x T x H word embeddings and R x T segments to the input of the first layer, R x T x H.
at::Tensor embed(const BertConfig& config, const BertWeights& weights, const at::Tensor& words, const at::Tensor& segments,
                 Dropout dropout);

/// R x T x H to R x T x H, or with Need::read_out to R x 1 x H; `lengths` (R int64) are the tokens that may be attended to.
at::Tensor layer(const BertConfig& config, const BertLayerWeights& weights, const at::Tensor& states,
                 const at::Tensor& lengths, Need need, Dropout dropout);

/// What a layer pays to each of its tokens (AttendingModel), R x T.
at::Tensor attention_paid(const BertConfig& config, const BertLayerWeights& weights, const at::Tensor& states,
                          const at::Tensor& lengths);

/// Rows at the last point to logits: R x C by the first token (of all, or alone), or for a span R x 2 x T, where tokens
/// beyond `lengths` (R int64) get model::beyond_text.
at::Tensor read_out(const BertConfig& config, const BertWeights& weights, const at::Tensor& states,
                    const at::Tensor& lengths, Dropout dropout);

}  // namespace layersweep::model::plain
