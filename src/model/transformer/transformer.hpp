// A frozen transformer behind the model interface.
#pragma once

#include <memory>

#include "model/arithmetic.hpp"
#include "model/model.hpp"
#include "model/transformer/specification.hpp"
#include "model/transformer/weights.hpp"

namespace layersweep::model {

/// Takes the weights as they are: they must not change (`fast` follows changes in place), and never receive a gradient.
/// `mask_id` is the token that stands for "no token" ([MASK]); −1 where the vocabulary has none. The weights are copied to
/// `device`; other devices than the CPU take plain arithmetics only.
std::unique_ptr<Model> make_transformer(const TransformerSpec& spec, TransformerWeights weights, std::int64_t mask_id,
                                        Arithmetic arithmetic = Arithmetic::fast, at::Device device = at::kCPU);

}  // namespace layersweep::model
