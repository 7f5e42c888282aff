// What a model decides about a text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layersweep::model {

enum class OutputKind {
  classes,  ///< one of several classes
  span,     ///< the first and the last token of an answer
};

/// What a model that is to be trained shall decide.
struct Head {
  OutputKind output = OutputKind::classes;
  std::int64_t classes = 0;                   ///< at least 2; of no account for spans
  std::vector<std::string> class_names = {};  ///< one per class, or none
  bool may_answer_none = false;               ///< of spans: whether "no answer", position 0, is one of the answers
};

}  // namespace layersweep::model
