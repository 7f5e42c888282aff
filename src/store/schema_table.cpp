#include <fmt/format.h>

#include "store/schema.hpp"

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

std::string flags_text(const VariableSpec& spec) {
  std::string text;
  for (const Flag& flag : spec.flags) text += fmt::format("{}{} {}", text.empty() ? ": " : ", ", flag.value, flag.meaning);
  return text;
}

std::string variable_table(Place place) {
  std::string text = "| variable (dimensions) | type | units | only for | meaning |\n|---|---|---|---|---|\n";
  for (const VariableSpec& spec : variables()) {
    if (spec.place != place) continue;
    text += fmt::format("| `{}({})` | {} | {} | {} | {}{} |\n", spec.name, fmt::join(spec.dimensions, ", "),
                        type_name(spec.type), spec.units, presence_text(spec.presence), spec.long_name, flags_text(spec));
  }
  return text;
}

}  // namespace

std::string schema_markdown() {
  std::string text = "### Attributes of the file\n\n| attribute | type | what it says |\n|---|---|---|\n";
  for (const AttributeSpec& attribute : root_attributes()) {
    const std::string_view kind = attribute.kind == AttributeSpec::Kind::text    ? "text"
                                  : attribute.kind == AttributeSpec::Kind::int32 ? "int32"
                                                                                 : "float64";
    text += fmt::format("| `{}` | {} | {} |\n", attribute.name, kind, attribute.meaning);
  }
  text += "\n### Group `/`\n\n" + variable_table(Place::root);
  text += "\n### Groups `/input` and `/hidden`\n\n" + variable_table(Place::mode);
  text += "\n### Group `/statistics`\n\n" + variable_table(Place::statistics);
  text += "\n### Groups `/explain/<method>`\n\n" + variable_table(Place::explain);
  text += "\n### Group `/evaluation`\n\n" + variable_table(Place::evaluation);
  return text;
}

}  // namespace layersweep::store
