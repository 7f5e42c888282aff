// A frozen BERT classifier behind the encoder interface.
#pragma once

#include <memory>

#include "model/bert_config.hpp"
#include "model/bert_weights.hpp"
#include "model/model.hpp"

namespace layersweep::model {

/// Which arithmetic runs the layers: `fast` is the hand-written layer with its own backward pass in fp32, `fast_bf16` the
/// same with the layers' matrix products on operands rounded to bf16 (all else in fp32), `plain` is fp32 in ordinary
/// differentiable tensor operations, the reference, and what runs elsewhere than on CPUs; `plain_bf16` the same with bf16 as
/// above. Models other than BERT know no bf16 and take `fast` for it.
enum class Arithmetic { fast, fast_bf16, plain, plain_bf16 };

/// Takes the weights as they are: they must not change (`fast` follows changes in place), and never receive a gradient.
/// `mask_id` is the token that stands for "no token" ([MASK]); −1 where the vocabulary has none. The weights are copied to
/// `device`; other devices than the CPU take plain arithmetics only.
std::unique_ptr<Model> make_bert(const BertConfig& config, BertWeights weights, std::int64_t mask_id,
                                 Arithmetic arithmetic = Arithmetic::fast, at::Device device = at::kCPU);

}  // namespace layersweep::model
