// The answer that a model of question answering gives to one question, whose passage may lie in several windows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/corpus.hpp"

namespace layersweep::encoder {
class Encoder;
}

namespace layersweep::jobs {

struct BestAnswer {
  std::size_t window = 0;                       ///< the one with the largest sum of logits; the first of equals
  std::int64_t start = 0;                       ///< first token of the answer in it
  std::int64_t end = 0;                         ///< last token
  std::string text;                             ///< of the passage
  std::vector<float> start_logits, end_logits;  ///< one per token of the window
};

/// `windows` as data::window_examples makes them, at least one.
BestAnswer best_answer(const encoder::Encoder& encoder, const std::vector<data::Example>& windows);

}  // namespace layersweep::jobs
