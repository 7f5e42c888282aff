#include "config/values.hpp"

#include "base/environment.hpp"

namespace layersweep::config {

namespace {

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

std::string Limits::text() const {
  const bool below = std::isfinite(least), over = std::isfinite(most);
  if (below && above) return over ? fmt::format("above {} and at most {}", least, most) : fmt::format("above {}", least);
  if (below && over) return fmt::format("from {} to {}", least, most);
  if (below) return fmt::format("of at least {}", least);
  return over ? fmt::format("of at most {}", most) : "";
}

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> elements;
  if (trimmed(text).empty()) return elements;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto comma = std::min(text.find(',', begin), text.size());
    elements.push_back(trimmed(text.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  return elements;
}

std::string alternatives(const std::vector<std::string_view>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

std::filesystem::path Value<std::filesystem::path>::read(std::string_view text, const Limits&) {
  if (text.find_first_of("#\n\r") != std::string_view::npos || trimmed(text) != text) {
    // Otherwise the resolved listing could not be read back.
    throw BadValue{"a path without #, line breaks, and blanks at its ends"};
  }
  if (text == "~" || text.starts_with("~/")) {
    const auto home = base::environment_variable("HOME");
    if (!home) throw BadValue{"a path without ~ here, because HOME is not set"};
    return std::filesystem::path(*home + std::string(text.substr(1)));
  }
  return std::filesystem::path(text);
}

}  // namespace layersweep::config
