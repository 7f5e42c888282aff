// A classifier's answer to texts, many at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/corpus.hpp"
#include "model/model.hpp"

namespace layersweep::app {

struct Prediction {
  std::vector<float> logits;  ///< one per class
  std::int64_t label = 0;     ///< the class with the largest; the first of equals
};

/// The answers in the order of the texts; inside, texts of nearly equal length share a batch, so that little is padding.
std::vector<Prediction> predict_texts(const model::Model& encoder, std::span<const data::Example> texts);

}  // namespace layersweep::app
