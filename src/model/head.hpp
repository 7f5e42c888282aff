// What a model decides about a text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "terms/terms.hpp"

namespace layersweep::model {

struct Head {
  terms::OutputKind output = terms::OutputKind::classes;
  std::int64_t classes = 0;                   ///< at least 2; of no account for spans
  std::vector<std::string> class_names = {};  ///< one per class, or none
  bool may_answer_none = false;               ///< of spans: whether "no answer", position 0, is one of the answers

  /// Of the last linear map: a class each, or start and end.
  std::int64_t rows() const { return output == terms::OutputKind::span ? 2 : classes; }
};

}  // namespace layersweep::model
