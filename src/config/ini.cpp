#include "config/ini.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <sstream>

#include "base/error.hpp"

namespace layersweep::config {

namespace po = boost::program_options;

namespace {

constexpr std::size_t longest_section = 1000;  // with what stands behind it

}  // namespace

std::vector<IniEntry> read_ini(std::string_view text, std::string_view origin) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());

  // Boost's reader gives no line numbers, so it gets one line at a time, each under the section it stands in.
  std::vector<IniEntry> entries;
  const po::options_description nothing_known;
  std::istringstream lines{std::string(text)};
  std::string section, line;
  for (int number = 1; std::getline(lines, line); ++number) {
    const auto first = line.find_first_not_of(" \t");
    const bool is_section = first != std::string::npos && line[first] == '[';
    // Each of its entries will have it in its key.
    if (is_section && line.size() > longest_section) {
      throw base::UsageError(fmt::format("{}, line {}: the section has {} characters", origin, number, line.size()),
                             "none has so long a name");
    }
    try {
      std::istringstream one_line(is_section ? line : section + "\n" + line);
      for (const auto& option : po::parse_config_file(one_line, nothing_known, true).options) {
        entries.push_back({option.string_key, option.value.empty() ? "" : option.value.front(), number});
      }
    } catch (const po::error&) {
      throw base::UsageError(fmt::format("{}, line {}: \"{}\" is neither [section] nor key = value", origin, number, line),
                             {}, "Comments begin with #");
    }
    if (is_section) section = line;
  }
  return entries;
}

}  // namespace layersweep::config
