// What standard output goes to: how wide it is and whether it shows colours.
#pragma once

#include <optional>
#include <string>

#include "app/mask_table.hpp"

namespace layersweep::app {

/// "always" and "never" are obeyed; "auto" and nothing mean: on a terminal, unless NO_COLOR is set (https://no-color.org)
/// or TERM is dumb. Throws UsageError for anything else.
Colour colour_of_output(const std::optional<std::string>& choice);

/// Columns of the terminal, 100 where standard output is none.
int columns_of_output();

}  // namespace layersweep::app
