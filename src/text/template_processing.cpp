#include <fmt/format.h>

#include "text/components.hpp"

namespace layersweep::text {
namespace {

using nlohmann::json;

Template::Place place_from(const JsonPart& part, const json& place) {
  if (const auto text = place.find("Sequence"); text != place.end()) {
    const bool first = text->at("id") == "A";
    return {.source = first ? 0 : 1, .segment = text->at("type_id").get<std::int32_t>()};
  }
  const json& token = place.at("SpecialToken");
  const auto name = token.at("id").get<std::string>();
  const json& ids = part.value.at("special_tokens").at(name).at("ids");
  if (ids.size() != 1) refuse(part.file, fmt::format("its template gives {} ids for {}", ids.size(), name));
  return {.id = id_from({part.file, ids.at(0)}), .segment = token.at("type_id").get<std::int32_t>()};
}

}  // namespace

Template read_template_processing(const JsonPart& part) {
  Template read;
  for (const json& place : part.value.at("single")) read.single.push_back(place_from(part, place));
  for (const json& place : part.value.at("pair")) read.pair.push_back(place_from(part, place));
  // The only form that the read-outs of models have been compared with.
  if (read.single.empty() || read != Template::around(read.single.front().id, read.single.back().id)) {
    refuse(part.file, "its template for special tokens is not [CLS] A [SEP] B [SEP]");
  }
  return read;
}

}  // namespace layersweep::text
