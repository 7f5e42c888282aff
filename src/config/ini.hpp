// An .ini text as entries with their line numbers; meaning is left to the caller.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace layersweep::config {

struct IniEntry {
  std::string key;  ///< "section.name", or "name" before the first section
  std::string value;
  int line = 0;  ///< from 1
};

/// [section], key = value, # comments to the end of the line; blanks around section, key and value do not count. Throws
/// UsageError naming `origin` and the line for anything else.
std::vector<IniEntry> read_ini(std::string_view text, std::string_view origin);

}  // namespace layersweep::config
