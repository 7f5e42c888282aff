#include <algorithm>

#include "text/components.hpp"

namespace layersweep::text {
namespace {

using nlohmann::json;

/// Appends a text, or a special token with all its ids.
void append_place(const JsonPart& part, const json& place, std::vector<Template::Place>& form) {
  if (const auto text = place.find("Sequence"); text != place.end()) {
    const bool first = text->at("id") == "A";
    form.push_back({.source = first ? 0 : 1, .segment = text->at("type_id").get<std::int32_t>()});
    return;
  }
  const json& token = place.at("SpecialToken");
  for (const json& id : part.value.at("special_tokens").at(token.at("id").get<std::string>()).at("ids")) {
    form.push_back({.id = id_from({part.file, id}), .segment = token.at("type_id").get<std::int32_t>()});
  }
}

}  // namespace

Template read_template_processing(const JsonPart& part) {
  Template read;
  for (const json& place : part.value.at("single")) append_place(part, place, read.single);
  for (const json& place : part.value.at("pair")) append_place(part, place, read.pair);
  const auto texts = [](const std::vector<Template::Place>& form, std::int32_t source) {
    return std::ranges::count(form, source, &Template::Place::source);
  };
  if (texts(read.single, 0) != 1 || texts(read.single, 1) != 0 || texts(read.pair, 0) != 1 || texts(read.pair, 1) != 1) {
    refuse(part.file, "its template for special tokens does not have each text once");
  }
  return read;
}

}  // namespace layersweep::text
