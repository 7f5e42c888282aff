// The frozen counting model behind the encoder interface. Points: 0 = input embedding, 1 = the features the GRU reads.
#pragma once

#include <memory>

#include "encoder/bert.hpp"
#include "encoder/counting_weights.hpp"
#include "encoder/encoder.hpp"

namespace layersweep::encoder {

/// Takes the weights as they are: they must not change, and never receive a gradient.
std::unique_ptr<Encoder> make_counting(CountingModel model, Arithmetic arithmetic = Arithmetic::fast);

}  // namespace layersweep::encoder
