// <s> first </s>, and <s> first </s></s> second </s>, all of one segment.
#include "text/components.hpp"

namespace layersweep::text {

PostProcessor read_roberta_processing(const JsonPart& part) {
  const auto id_of = [&](const char* token) { return id_from({part.file, part.value.at(token).at(1)}); };
  const Template::Place cls{.id = id_of("cls")}, sep{.id = id_of("sep")};
  PostProcessor read{{{cls, {.source = 0}, sep}, {cls, {.source = 0}, sep, sep, {.source = 1}, sep}}, {}};
  const bool trims = part.value.at("trim_offsets").get<bool>();
  if (trims) read.trimming.push_back({.blank_was_added = part.value.at("add_prefix_space").get<bool>()});
  return read;
}

}  // namespace layersweep::text
