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

/// A form has the first text once, and the second where it is one of a pair.
bool has_texts(const std::vector<Template::Place>& form, std::ptrdiff_t second) {
  return std::ranges::count(form, 0, &Template::Place::source) == 1 &&
         std::ranges::count(form, 1, &Template::Place::source) == second;
}

}  // namespace

PostProcessor read_template_processing(const JsonPart& part) {
  Template read;
  for (const json& place : part.value.at("single")) append_place(part, place, read.single);
  for (const json& place : part.value.at("pair")) append_place(part, place, read.pair);
  if (!has_texts(read.single, 0) || !has_texts(read.pair, 1)) {
    refuse(part.file, "its template for special tokens does not have each text once");
  }
  return {read, {}};
}

}  // namespace layersweep::text
