// Text in terminal columns: wide characters take two, combining marks none.
#pragma once

#include <string>
#include <string_view>

namespace layersweep::app {

/// Control characters and bytes that are not UTF-8 become U+FFFD, so that a text can neither move the cursor nor recolour
/// the terminal.
std::string printable(std::string_view text);

/// Columns that a printable text takes.
int display_width(std::string_view text);

enum class Align { left, right };

/// The text in exactly `columns` columns: filled with blanks, or cut and ended by "…".
std::string fit_to_width(std::string_view text, int columns, Align align);

}  // namespace layersweep::app
