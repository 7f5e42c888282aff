// The answer that a model of question answering gives to one question, whose passage may lie in several windows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/corpus.hpp"

namespace layersweep::model {
class Model;
}

namespace layersweep::jobs {

struct BestAnswer {
  std::size_t window = 0;                       ///< the one with the largest sum of logits; the first of equals
  std::int64_t start = 0;                       ///< first token of the answer in it
  std::int64_t end = 0;                         ///< last token
  std::string text;                             ///< of the passage; empty where there is no answer, token 0 to 0
  std::vector<float> start_logits, end_logits;  ///< one per token of the window
};

/// `windows` as data::window_examples makes them, at least one. Where they leave "no answer" open it is given when its
/// smallest sum of logits over the windows is above that of the best span, as SQuAD 2.0's reference model decides; the
/// window is then that of this sum.
BestAnswer best_answer(const model::Model& encoder, const std::vector<data::Example>& windows);

}  // namespace layersweep::jobs
