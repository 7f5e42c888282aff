// Files of cells separated by tabs or commas, with quotation marks or without.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace layersweep::data {

struct CellRow {
  std::int64_t line = 0;  ///< in which it begins, from 1
  std::vector<std::string> cells;
};

struct Cells {
  std::vector<CellRow> rows;
  std::vector<std::int64_t> blank;     ///< lines without anything, which are no rows
  std::vector<std::int64_t> unquoted;  ///< lines of rows with cells that stood in quotation marks
  std::vector<std::int64_t> literal;   ///< lines of rows with cells that begin with a quotation mark and were not unquoted
};

/// Reads `content` (UTF-8) as RFC 4180 has it: a cell in quotation marks may hold separators and line breaks, and "" in it
/// is one quotation mark. One rule for the whole file: where any cell begins with a quotation mark but is not of that form,
/// or the quoted reading gives rows of differing numbers of cells, or joins lines that are whole rows each, a file of tabs
/// is read without quotation, each line a row and each quotation mark itself, since many such files are written so. A file
/// of commas is then refused (InputError without the file's name).
Cells read_cells(std::string_view content, char separator);

}  // namespace layersweep::data
