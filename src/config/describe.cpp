#include "config/describe.hpp"

#include <fmt/format.h>

#include "config/options.hpp"

namespace layersweep::config {

namespace {

// "number above 0, nat"
std::string kind(const Option& option) {
  std::string text = option.type;
  if (!option.range.empty()) text += " " + option.range;
  if (!option.unit.empty()) text += ", " + option.unit;
  return text;
}

}  // namespace

std::string settings_help() {
  std::string text, section;
  for (const Option& option : options()) {
    if (option.section() != section) {
      if (!section.empty()) text += "\n";
      section = option.section();
    }
    text += fmt::format("  {} ({}; default {})\n      {}\n", option.key, kind(option), option.default_text, option.help);
  }
  return text;
}

std::string settings_markdown() {
  std::string text =
      "# Settings\n\n"
      "<!-- Printed by `layersweep help --settings-markdown` from the option table in src/config/options.cpp; do not edit. "
      "-->\n\n"
      "An experiment file is an .ini: `[section]`, `key = value`, `#` begins a comment, lists are comma-separated.\n"
      "`--set section.key=value` overrides it, as often as wanted; the last one holds. A leading `~` in a path is the home\n"
      "folder; a relative path starts at the current folder. Unknown keys and wrong values are errors (exit code 2).\n\n"
      "A run folder is only resumed when the settings that count for its identity are the same; those marked *free* may\n"
      "change between starts. An encoder counts by its files, wherever they lie.\n";
  std::string section;
  for (const Option& option : options()) {
    if (option.section() != section) {
      section = option.section();
      text += fmt::format("\n## [{}]\n\n| key | value | default | meaning |\n|---|---|---|---|\n", section);
    }
    text += fmt::format("| `{}` | {} | {} | {}{} |\n", option.name(), kind(option), option.default_text, option.help,
                        option.identity == Identity::free ? " (*free*)" : "");
  }
  return text;
}

}  // namespace layersweep::config
