#include "data/text_file.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/json_keys.hpp"
#include "base/utf8.hpp"
#include "data/cells.hpp"
#include "data/lines.hpp"

namespace layersweep::data {
namespace {

using nlohmann::json;

constexpr std::array extensions{".jsonl", ".ndjson", ".json", ".tsv", ".csv", ".txt"};
constexpr std::array train_names{"train"}, test_names{"test"};
constexpr std::array dev_names{"dev", "validation", "valid", "val", "eval"};
constexpr const char* json_hint =
    R"(Write one object to a line: {"text": "…"}, {"text": "…", "second_text": "…"} or {"question": "…", "passage": "…"}, with "label" and "id" if you like)";
constexpr const char* column_hint =
    "Name the columns in the first line: text, second_text (or question, passage), label, id";

enum class Field { text, second, label, id };

std::optional<Field> field_of(std::string_view name) {
  if (name == "text" || name == "question") return Field::text;
  if (name == "second_text" || name == "passage") return Field::second;
  if (name == "label") return Field::label;
  if (name == "id") return Field::id;
  return std::nullopt;
}

// Results files end a text at U+0000, so that none could be told from a shorter one.
void put(TextRow& row, Field field, std::string_view name, std::string value) {
  if (value.find('\0') != value.npos) {
    throw base::InputError(fmt::format("\"{}\" holds the character U+0000", name), "results files cannot hold it",
                           "Remove it");
  }
  if (field == Field::text) row.input.text = std::move(value);
  if (field == Field::second) row.input.second = std::move(value);
  if (field == Field::label) row.label = std::move(value);
  if (field == Field::id) row.id = std::move(value);
}

// Throws InputError without a place, which the caller adds.
TextRow row_of(const json& object) {
  if (!object.is_object()) throw base::InputError("it is no JSON object", {}, json_hint);
  TextRow row;
  std::array<bool, 4> seen{};
  for (const auto& [key, value] : object.items()) {
    const auto field = field_of(key);
    if (!field) throw base::InputError(fmt::format("there is no use for \"{}\"", key), {}, json_hint);
    if (std::exchange(seen[static_cast<std::size_t>(*field)], true)) {
      throw base::InputError(fmt::format("\"{}\" says again what another key says", key), {}, json_hint);
    }
    const bool free = *field == Field::label || *field == Field::id;
    if (free && value.is_null()) continue;
    if (free && value.is_number_integer()) {
      put(row, *field, key, value.dump());
    } else if (value.is_string()) {
      put(row, *field, key, value.get<std::string>());
    } else {
      throw base::InputError(fmt::format("\"{}\" is {}", key, value.type_name()),
                             free ? "it must be a whole number or a string" : "it must be a string");
    }
  }
  if (!seen[static_cast<std::size_t>(Field::text)]) throw base::InputError("it has no \"text\"", {}, json_hint);
  return row;
}

TextRow json_row(std::string_view line) {
  json object;
  try {
    object = json::parse(line);
  } catch (const json::exception& error) {
    const std::string what = error.what();
    throw base::InputError("it is no JSON object", what.substr(what.find(' ') + 1), json_hint);
  }
  if (const auto key = base::repeated_key(line))
    throw base::InputError(fmt::format("it gives \"{}\" twice", *key), {}, json_hint);
  return row_of(object);
}

struct Column {
  Field field;
  std::string name;
};

std::vector<Column> columns_of(const std::vector<std::string>& names) {
  std::vector<Column> columns;
  for (const std::string& name : names) {
    const auto field = field_of(name);
    if (!field) throw base::InputError(fmt::format("there is no column \"{}\"", name), {}, column_hint);
    if (std::ranges::find(columns, *field, &Column::field) != columns.end()) {
      throw base::InputError(fmt::format("the column \"{}\" says again what another one says", name), {}, column_hint);
    }
    columns.push_back({*field, name});
  }
  if (std::ranges::find(columns, Field::text, &Column::field) == columns.end()) {
    throw base::InputError("no column holds the texts", {}, column_hint);
  }
  return columns;
}

TextRow cells_row(const std::vector<std::string>& cells, const std::vector<Column>& columns) {
  if (cells.size() != columns.size()) {
    throw base::InputError(fmt::format("it has {} cells", cells.size()),
                           fmt::format("the first line names {} columns", columns.size()),
                           "Put cells that hold the separator in quotation marks, or use JSON lines");
  }
  TextRow row;
  for (std::size_t c = 0; c < columns.size(); ++c) put(row, columns[c].field, columns[c].name, cells[c]);
  return row;
}

std::string place(const std::filesystem::path& file, std::int64_t line) {
  return fmt::format("{}:{}", file.filename().string(), line);
}

// Calls `read` for a line; what it throws gets the place.
template <class F>
auto at_line(const std::filesystem::path& file, std::int64_t number, F read) {
  try {
    return read();
  } catch (const base::InputError& error) {
    throw base::InputError(fmt::format("{}, line {}: {}", file.string(), number, error.what()));
  }
}

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\v\f") == line.npos; }

std::vector<TextRow> cell_rows(const std::filesystem::path& file, std::string_view content, Notes& notes) {
  Cells cells;
  try {
    cells = read_cells(content, file.extension() == ".csv" ? ',' : '\t');
  } catch (const base::InputError& error) {
    throw base::InputError(fmt::format("{}, {}", file.string(), error.what()));
  }
  for (const std::int64_t line : cells.blank) notes.add("blank lines skipped", place(file, line));
  for (const std::int64_t line : cells.unquoted) {
    notes.add("rows with cells in quotation marks, which were taken off", place(file, line));
  }
  for (const std::int64_t line : cells.literal) {
    notes.add("rows with cells that begin with a quotation mark, which was taken as part of the text", place(file, line));
  }
  std::vector<TextRow> rows;
  std::vector<Column> columns;
  for (const CellRow& found : cells.rows) {
    at_line(file, found.line, [&] {
      if (columns.empty()) {
        columns = columns_of(found.cells);
      } else {
        rows.push_back(cells_row(found.cells, columns));
        rows.back().line = found.line;
      }
    });
  }
  return rows;
}

std::vector<TextRow> line_rows(const std::filesystem::path& file, const Lines& lines, Notes& notes) {
  std::vector<TextRow> rows;
  for (std::size_t l = 0; l < lines.lines.size(); ++l) {
    const std::string_view line = lines.lines[l];
    const auto number = static_cast<std::int64_t>(l + 1);
    if (is_blank(line)) {
      notes.add("blank lines skipped", place(file, number));
      continue;
    }
    rows.push_back(at_line(file, number, [&] {
      if (file.extension() != ".txt") return json_row(line);
      TextRow row;
      put(row, Field::text, "text", std::string(line));
      return row;
    }));
    rows.back().line = number;
  }
  return rows;
}

// The file of a split, under any of its names.
std::optional<std::filesystem::path> file_of_split(const std::filesystem::path& folder, std::span<const char* const> names) {
  std::optional<std::filesystem::path> found;
  for (const char* name : names) {
    for (const char* extension : extensions) {
      const auto file = folder / fmt::format("{}{}", name, extension);
      if (!std::filesystem::exists(file)) continue;
      if (found) {
        throw base::InputError(fmt::format("{} has two {} files", folder.string(), names.front()),
                               fmt::format("{} and {}", found->filename().string(), file.filename().string()),
                               "Leave one of them");
      }
      found = file;
    }
  }
  return found;
}

}  // namespace

std::vector<TextRow> read_text_file(const std::filesystem::path& file, Notes& notes) {
  const std::string extension = file.extension().string();
  if (std::ranges::find(extensions, extension) == extensions.end()) {
    throw base::InputError(fmt::format("cannot tell what kind of texts {} holds", file.string()),
                           "its name ends in none of .jsonl, .tsv, .csv and .txt", "Rename it, or convert it to JSON lines");
  }
  const std::string content = base::read_text_file(file);
  const Lines lines = lines_of(content);
  for (std::size_t l = 0; l < lines.lines.size(); ++l) {
    const auto byte = base::first_ill_formed(lines.lines[l]);
    if (!byte) continue;
    throw base::InputError(fmt::format("{}, line {}: byte {} is not UTF-8", file.string(), l + 1, *byte + 1), {},
                           "Convert the file to UTF-8");
  }
  for (const std::int64_t line : lines.lone_returns) {
    notes.add("lines that end in a carriage return alone", place(file, line));
  }
  const bool of_cells = extension == ".tsv" || extension == ".csv";
  std::vector<TextRow> rows = of_cells ? cell_rows(file, content, notes) : line_rows(file, lines, notes);
  if (rows.empty()) throw base::InputError(fmt::format("{} holds no texts", file.string()), {}, {});
  for (const TextRow& row : rows) {
    if (row.input.second.has_value() == rows.front().input.second.has_value()) continue;
    throw base::InputError(
        fmt::format("{}, line {}: it is a {}", file.string(), row.line, row.input.second ? "pair of texts" : "single text"),
        fmt::format("line {} is not", rows.front().line), "One file holds texts of one kind");
  }
  return rows;
}

TextInput read_text_line(std::string_view line) {
  const std::string_view object = line.substr(std::min(line.find_first_not_of(" \t"), line.size()));
  const auto begins = [&](std::string_view key) {
    if (!object.starts_with('{')) return false;
    const std::string_view rest = object.substr(std::min(object.find_first_not_of(" \t", 1), object.size()));
    return rest.starts_with(fmt::format("\"{}\"", key));
  };
  const bool meant = begins("text") || begins("question") || begins("second_text") || begins("passage");
  if (!meant && !(object.starts_with('{') && json::accept(object))) return {std::string(line), std::nullopt};
  return json_row(object).input;
}

TextFiles find_text_files(const std::filesystem::path& data, Notes& notes) {
  if (!std::filesystem::exists(data)) {
    throw base::InputError(fmt::format("there is no {}", data.string()), "task.data names it", "Correct task.data");
  }
  if (!std::filesystem::is_directory(data)) return {data, {}, {}};
  const auto train = file_of_split(data, train_names);
  if (!train) {
    throw base::InputError(fmt::format("{} has no training texts", data.string()),
                           "none of train.jsonl, train.tsv, train.csv and train.txt is there",
                           "Put one there, with dev.* and test.* beside it if you like, or let task.data name a file");
  }
  TextFiles files{*train, file_of_split(data, dev_names).value_or(""), file_of_split(data, test_names).value_or("")};
  std::vector<std::string> others;
  for (const auto& entry : std::filesystem::directory_iterator(data)) {
    const auto& path = entry.path();
    const bool used = path == files.train || path == files.dev || path == files.test;
    if (!used && entry.is_regular_file() && !path.filename().string().starts_with('.')) {
      others.push_back(path.filename().string());
    }
  }
  std::ranges::sort(others);
  for (const std::string& name : others) notes.add(fmt::format("files of {} passed over", data.string()), name);
  return files;
}

}  // namespace layersweep::data
