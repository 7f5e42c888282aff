// The option table for people: in a terminal and as the page docs/settings.md.
#pragma once

#include <string>

namespace layersweep::config {

/// All settings, grouped by section, at most 100 columns wide.
std::string settings_help();

/// The whole of docs/settings.md, which is committed; a test holds the two together.
std::string settings_markdown();

}  // namespace layersweep::config
