#include <fmt/format.h>

#include <algorithm>

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

/// A form has the first text once, and the second where it is one of a pair.
bool has_texts(const std::vector<Template::Place>& form, std::ptrdiff_t second) {
  return std::ranges::count(form, 0, &Template::Place::source) == 1 &&
         std::ranges::count(form, 1, &Template::Place::source) == second;
}

}  // namespace

PostProcessor read_template_processing(const JsonPart& part) {
  Template read;
  for (const json& place : part.value.at("single")) read.single.push_back(place_from(part, place));
  for (const json& place : part.value.at("pair")) read.pair.push_back(place_from(part, place));
  if (!has_texts(read.single, 0) || !has_texts(read.pair, 1)) {
    refuse(part.file, "its template for special tokens does not have each text once");
  }
  return {read, {}};
}

}  // namespace layersweep::text
