#include "text/components.hpp"

namespace layersweep::text {

PostProcessor read_bert_processing(const JsonPart& part) {
  const auto id_of = [&](const char* token) { return id_from({part.file, part.value.at(token).at(1)}); };
  return {Template::around(id_of("cls"), id_of("sep")), {}};
}

}  // namespace layersweep::text
