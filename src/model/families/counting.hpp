// The frozen counting model behind the encoder interface. Points: 0 = input embedding, 1 = the features the GRU reads.
#pragma once

#include <memory>

#include "model/arithmetic.hpp"
#include "model/families/counting_weights.hpp"
#include "model/model.hpp"
#include "model/trainable.hpp"

namespace layersweep::model {

/// Takes the weights as they are: they must not change, and never receive a gradient.
std::unique_ptr<Model> make_counting(CountingModel model, Arithmetic arithmetic = Arithmetic::fast);

/// A fresh one to be trained.
std::unique_ptr<Trainable> make_trainable_counting(std::uint64_t seed);

}  // namespace layersweep::model
