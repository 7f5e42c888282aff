// The lines of a text file.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace layersweep::data {

struct Lines {
  std::vector<std::string_view> lines;     ///< without their ends; views of the content
  std::vector<std::int64_t> lone_returns;  ///< numbers, from 1, of the lines that a carriage return alone ends
};

/// LF, CR LF and a lone CR each end a line, also mixed, as in Python's text files. A byte order mark at the beginning is
/// left out. What follows the last end is a line where it is not empty.
Lines lines_of(std::string_view content);

/// Without a byte order mark at its beginning.
std::string_view without_byte_order_mark(std::string_view content);

}  // namespace layersweep::data
