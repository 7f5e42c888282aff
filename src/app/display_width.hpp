// Text in terminal columns: wide characters take two, combining marks none.
#pragma once

#include <string>
#include <string_view>

namespace layersweep::app {

/// Columns that a printable text (base/printable.hpp) takes.
int display_width(std::string_view text);

enum class Align { left, right };

/// The text in exactly `columns` columns: filled with blanks, or cut and ended by "…".
std::string fit_to_width(std::string_view text, int columns, Align align);

}  // namespace layersweep::app
