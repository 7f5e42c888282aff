#include "data/cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "data/lines.hpp"

namespace layersweep::data {
namespace {

// RFC 4180 with any of the three ends of lines; nothing where a quotation mark stands where that has none.
class QuotedReader {
 public:
  QuotedReader(std::string_view content, char separator) : rest_(without_byte_order_mark(content)), separator_(separator) {}

  /// Whether a cell in quotation marks holds a line break.
  bool spans_lines() const { return spans_lines_; }

  std::optional<Cells> read() {
    while (!rest_.empty()) {
      if (!read_row()) return std::nullopt;
    }
    return std::move(found_);
  }

  std::int64_t line() const { return line_; }

 private:
  bool read_row() {
    CellRow row{line_, {}};
    bool quoted = false;
    do {
      if (rest_.starts_with('"')) {
        auto cell = quoted_cell();
        if (!cell) return false;
        row.cells.push_back(std::move(*cell));
        quoted = true;
      } else {
        const char ends[] = {separator_, '\r', '\n'};
        const std::size_t end = std::min(rest_.find_first_of(std::string_view(ends, 3)), rest_.size());
        row.cells.emplace_back(rest_.substr(0, end));
        rest_.remove_prefix(end);
      }
    } while (take_separator());
    if (!take_line_end()) return false;  // something stands behind a closing quotation mark
    const bool blank = row.cells.size() == 1 && row.cells.front().empty() && !quoted;
    if (blank) {
      found_.blank.push_back(row.line);
      return true;
    }
    if (quoted) found_.unquoted.push_back(row.line);
    found_.rows.push_back(std::move(row));
    return true;
  }

  std::optional<std::string> quoted_cell() {
    std::string cell;
    rest_.remove_prefix(1);
    for (;;) {
      const std::size_t mark = rest_.find('"');
      if (mark == rest_.npos) return std::nullopt;
      cell += rest_.substr(0, mark);
      rest_.remove_prefix(mark + 1);
      if (!rest_.starts_with('"')) break;
      cell += '"';
      rest_.remove_prefix(1);
    }
    const bool ends = cell.empty() || cell.ends_with('\n') || cell.ends_with('\r');
    const auto breaks = std::ssize(lines_of(cell).lines) - (ends ? 0 : 1);
    spans_lines_ = spans_lines_ || breaks > 0;
    line_ += breaks;
    return cell;
  }

  bool take_separator() {
    if (!rest_.starts_with(separator_)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_line_end() {
    if (rest_.empty()) return true;
    if (rest_.front() != '\r' && rest_.front() != '\n') return false;
    rest_.remove_prefix(rest_.starts_with("\r\n") ? 2 : 1);
    ++line_;
    return true;
  }

  std::string_view rest_;
  char separator_;
  std::int64_t line_ = 1;
  bool spans_lines_ = false;
  Cells found_;
};

Cells read_literally(std::string_view content, char separator) {
  Cells found;
  std::int64_t number = 0;
  for (std::string_view line : lines_of(content).lines) {
    ++number;
    if (line.empty()) {
      found.blank.push_back(number);
      continue;
    }
    CellRow row{number, {}};
    for (;;) {
      const std::size_t end = line.find(separator);
      row.cells.emplace_back(line.substr(0, end));
      if (end == line.npos) break;
      line.remove_prefix(end + 1);
    }
    if (std::ranges::any_of(row.cells, [](const std::string& cell) { return cell.starts_with('"'); })) {
      found.literal.push_back(number);
    }
    found.rows.push_back(std::move(row));
  }
  return found;
}

bool even(const Cells& cells) {
  return std::ranges::all_of(cells.rows,
                             [&](const CellRow& row) { return row.cells.size() == cells.rows.front().cells.size(); });
}

}  // namespace

Cells read_cells(std::string_view content, char separator) {
  QuotedReader reader(content, separator);
  auto quoted = reader.read();
  if (separator == ',') {
    if (quoted) return std::move(*quoted);
    throw base::InputError(fmt::format("line {}: a quotation mark stands where none can", reader.line()),
                           "a cell in quotation marks ends with one, and has \"\" for each within",
                           "Write the file with a program that quotes cells (pandas, Python's csv, a spreadsheet)");
  }
  if (quoted && quoted->unquoted.empty()) return std::move(*quoted);
  Cells literal = read_literally(content, separator);
  // A mark that opens in one row and closes in a later one would swallow the rows between; as rows they are whole.
  const bool swallows = reader.spans_lines() && even(literal);
  return quoted && even(*quoted) && !swallows ? std::move(*quoted) : std::move(literal);
}

}  // namespace layersweep::data
