#include "config/command_line.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>

#include "base/error.hpp"
#include "config/nearest.hpp"

namespace layersweep::config {

namespace po = boost::program_options;
using base::UsageError;

namespace {

std::string how_to_get_help(std::string_view command) { return fmt::format("`layersweep {} --help` tells more", command); }

std::string shown(const Argument& argument) {
  return argument.value.empty() ? argument.name : argument.name + " " + argument.value;
}

[[noreturn]] void refuse_unknown(std::string_view command, std::span<const Argument> declared, const std::string& option) {
  std::vector<std::string> known{"--help"};
  for (const Argument& argument : declared) {
    if (argument.is_option()) known.push_back(argument.name);
  }
  const std::string guess = did_you_mean(option.substr(0, option.find('=')), known);
  throw UsageError(fmt::format("{} has no option {}", command, option), {},
                   (guess.empty() ? "" : guess + " ") + how_to_get_help(command));
}

}  // namespace

Arguments::Arguments(std::string_view command, std::span<const Argument> declared, const std::vector<std::string>& given) {
  po::options_description options;
  std::vector<const Argument*> by_place;
  for (const Argument& argument : declared) {
    if (!argument.is_option()) {
      by_place.push_back(&argument);
    } else if (argument.value.empty()) {
      options.add_options()(argument.name.c_str() + 2, "");
    } else {
      options.add_options()(argument.name.c_str() + 2, po::value<std::vector<std::string>>(), "");
    }
  }

  using namespace po::command_line_style;
  po::parsed_options parsed(&options);
  try {
    // No abbreviations: a script must not break when an option is added.
    parsed = po::command_line_parser(given)
                 .options(options)
                 .style(allow_long | long_allow_adjacent | long_allow_next | allow_short | allow_dash_for_short |
                        short_allow_next)
                 .allow_unregistered()
                 .run();
  } catch (const po::error& error) {
    throw UsageError(fmt::format("{}: {}", command, error.what()), {}, how_to_get_help(command));
  }

  std::size_t place = 0;
  for (const auto& option : parsed.options) {
    if (option.position_key >= 0) {
      const std::string& text = option.value.front();
      if (place >= by_place.size()) {
        throw UsageError(fmt::format("{} does not know what to do with \"{}\"", command, text), {},
                         how_to_get_help(command));
      }
      values_[by_place[place]->name].push_back(text);
      if (by_place[place]->count != Argument::Count::repeated) ++place;
    } else if (option.unregistered) {
      refuse_unknown(command, declared, option.original_tokens.front());
    } else {
      auto& values = values_["--" + option.string_key];
      values.push_back(option.value.empty() ? "" : option.value.front());
    }
  }

  for (const Argument& argument : declared) {
    const auto values = values_.find(argument.name);
    if (values == values_.end() && argument.count == Argument::Count::required) {
      throw UsageError(fmt::format("{} needs {}", command, shown(argument)), argument.help, how_to_get_help(command));
    }
    if (values != values_.end() && values->second.size() > 1 && argument.count != Argument::Count::repeated) {
      throw UsageError(fmt::format("{} takes {} only once", command, argument.name), {}, how_to_get_help(command));
    }
  }
}

std::optional<std::string> Arguments::find(const std::string& name) const {
  const auto values = values_.find(name);
  if (values == values_.end()) return std::nullopt;
  return values->second.front();
}

std::vector<std::string> Arguments::all(const std::string& name) const {
  const auto values = values_.find(name);
  return values == values_.end() ? std::vector<std::string>{} : values->second;
}

std::string usage_text(std::string_view command, std::span<const Argument> declared) {
  std::string line = fmt::format("Usage: layersweep {}", command), details;
  for (const Argument& argument : declared) {
    const std::string text = shown(argument);
    line += argument.count == Argument::Count::required ? " " + text : " [" + text + "]";
    if (argument.count == Argument::Count::repeated) line += "…";
    details += fmt::format("  {:<28}  {}\n", text, argument.help);
  }
  return line + "\n" + (details.empty() ? "" : "\n" + details);
}

}  // namespace layersweep::config
