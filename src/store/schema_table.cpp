#include <fmt/ranges.h>

#include <algorithm>

#include "store/layout.hpp"

namespace layersweep::store {
namespace {

std::string_view presence_text(Presence presence) {
  switch (presence) {
    case Presence::always:
      return "";
    case Presence::classification:
      return "classification";
    case Presence::question_answering:
      return "question answering";
    case Presence::sentiment:
      return "SST";
    case Presence::truth:
      return "counting";
    case Presence::curves:
      return "if curves were recorded";
  }
  return "";
}

std::string_view merge_text(Merge merge) {
  switch (merge) {
    case Merge::same:
      return "same";
    case Merge::output:
      return "output";
    case Merge::token_index:
      return "shifted";
    case Merge::first:
      return "first";
    case Merge::explanation:
      return "first that fits";
    case Merge::anew:
      return "anew";
  }
  return "";
}

std::string flags_text(const VariableSpec& spec) {
  std::string text;
  for (const Flag& flag : spec.traits.flags) {
    text += fmt::format("{}{} {}", text.empty() ? ": " : ", ", flag.value, flag.meaning);
  }
  return text;
}

// "`/input` and `/hidden`"
std::string place_text(Place place) {
  if (place == Place::explain) return "`/explain/<method>`";
  return fmt::format("`/{}`", fmt::join(groups_of(place), "` and `/"));
}

std::string dimension_table() {
  std::string text = "| dimension | size | where |\n|---|---|---|\n";
  for (const DimensionSpec& dimension : dimensions()) {
    const auto scale = std::ranges::find_if(
        variables(), [&](const VariableSpec& spec) { return spec.is_coordinate() && spec.name == dimension.name; });
    text += fmt::format("| `{}` | {} | {} |\n", dimension.name, dimension.meaning,
                        place_text(scale == variables().end() ? Place::root : scale->place));
  }
  return text;
}

std::string variable_table(Place place) {
  std::string text =
      "| variable (dimensions) | type | units | only for | range | merge | meaning |\n|---|---|---|---|---|---|---|\n";
  for (const VariableSpec& spec : variables()) {
    if (spec.place != place) continue;
    text += fmt::format("| `{}({})` | {} | {} | {} | {} | {} | {}{} |\n", spec.name, fmt::join(spec.dimensions, ", "),
                        type_name(spec.type), spec.traits.units, presence_text(spec.presence),
                        spec.traits.always_known ? "never missing" : spec.traits.range.text(),
                        spec.is_coordinate() ? "" : merge_text(spec.traits.merge), spec.long_name, flags_text(spec));
  }
  return text;
}

}  // namespace

std::string schema_markdown() {
  std::string text =
      "<!-- Printed by `layersweep help --results-markdown` from the tables in src/store/schema.cpp and layout.cpp; do not "
      "edit. -->\n### Dimensions\n\n" +
      dimension_table() + "\n### Attributes of the file\n\n| attribute | type | what it says |\n|---|---|---|\n";
  for (const AttributeSpec& attribute : root_attributes()) {
    text += fmt::format("| `{}` | {} | {} |\n", attribute.name,
                        attribute.type == Type::character ? "text" : type_name(attribute.type), attribute.meaning);
  }
  for (const Place place : {Place::root, Place::mode, Place::statistics, Place::explain, Place::evaluation}) {
    const bool several = place == Place::mode || place == Place::explain;
    text += fmt::format("\n### Group{} {}\n\n{}", several ? "s" : "", place_text(place), variable_table(place));
  }
  return text;
}

}  // namespace layersweep::store
