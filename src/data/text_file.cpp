#include "data/text_file.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "base/files.hpp"
#include "data/utf8.hpp"

namespace layersweep::data {
namespace {

using nlohmann::json;

constexpr std::array extensions{".jsonl", ".ndjson", ".json", ".tsv", ".txt"};
constexpr const char* json_hint =
    R"(Write one object to a line: {"text": "…"}, {"text": "…", "second_text": "…"} or {"question": "…", "passage": "…"}, with "label" and "id" if you like)";
constexpr const char* column_hint =
    "Name the columns in the first line, parted by tabs: text, second_text (or question, passage), label, id";

enum class Field { text, second, label, id };

std::optional<Field> field_of(std::string_view name) {
  if (name == "text" || name == "question") return Field::text;
  if (name == "second_text" || name == "passage") return Field::second;
  if (name == "label") return Field::label;
  if (name == "id") return Field::id;
  return std::nullopt;
}

void put(TextRow& row, Field field, std::string value) {
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
      put(row, *field, value.dump());
    } else if (value.is_string()) {
      put(row, *field, value.get<std::string>());
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
  return row_of(object);
}

std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  for (;;) {
    const std::size_t tab = line.find('\t');
    cells.emplace_back(line.substr(0, tab));
    if (tab == line.npos) return cells;
    line.remove_prefix(tab + 1);
  }
}

std::vector<Field> columns_of(std::string_view line) {
  std::vector<Field> columns;
  for (const std::string& name : cells_of(line)) {
    const auto field = field_of(name);
    if (!field) throw base::InputError(fmt::format("there is no column \"{}\"", name), {}, column_hint);
    if (std::ranges::find(columns, *field) != columns.end()) {
      throw base::InputError(fmt::format("the column \"{}\" says again what another one says", name), {}, column_hint);
    }
    columns.push_back(*field);
  }
  if (std::ranges::find(columns, Field::text) == columns.end()) {
    throw base::InputError("no column holds the texts", {}, column_hint);
  }
  return columns;
}

TextRow cells_row(std::string_view line, const std::vector<Field>& columns) {
  std::vector<std::string> cells = cells_of(line);
  if (cells.size() != columns.size()) {
    throw base::InputError(fmt::format("it has {} cells", cells.size()),
                           fmt::format("the first line names {} columns", columns.size()),
                           "Tabs within texts are not possible here; JSON lines can hold them");
  }
  TextRow row;
  for (std::size_t c = 0; c < columns.size(); ++c) put(row, columns[c], std::move(cells[c]));
  return row;
}

// Calls `take` with every line and its number; what it throws gets the place.
template <class F>
void for_each_line(const std::filesystem::path& file, F take) {
  const std::string content = base::read_text_file(file);
  std::string_view rest = content;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    try {
      if (const auto place = first_ill_formed(line)) {
        throw base::InputError(fmt::format("byte {} is not UTF-8", *place + 1), {}, "Convert the file to UTF-8");
      }
      take(line, number);
    } catch (const base::InputError& error) {
      throw base::InputError(fmt::format("{}, line {}: {}", file.string(), number, error.what()));
    }
  }
}

std::optional<std::filesystem::path> file_of_split(const std::filesystem::path& folder, std::string_view split) {
  std::optional<std::filesystem::path> found;
  for (const char* extension : extensions) {
    const auto file = folder / fmt::format("{}{}", split, extension);
    if (!std::filesystem::exists(file)) continue;
    if (found) {
      throw base::InputError(fmt::format("{} has two {} files", folder.string(), split),
                             fmt::format("{} and {}", found->filename().string(), file.filename().string()),
                             "Leave one of them");
    }
    found = file;
  }
  return found;
}

}  // namespace

std::vector<TextRow> read_text_file(const std::filesystem::path& file) {
  const std::string extension = file.extension().string();
  if (std::ranges::find(extensions, extension) == extensions.end()) {
    throw base::InputError(fmt::format("cannot tell what kind of texts {} holds", file.string()),
                           "its name ends in none of .jsonl, .tsv and .txt", "Rename it, or convert it to JSON lines");
  }
  std::vector<TextRow> rows;
  std::vector<Field> columns;
  for_each_line(file, [&](std::string_view line, std::int64_t number) {
    TextRow row;
    if (extension == ".txt") {
      row.input.text = line;
    } else if (extension == ".tsv") {
      if (number == 1) {
        columns = columns_of(line);
        return;
      }
      row = cells_row(line, columns);
    } else {
      if (line.find_first_not_of(" \t") == line.npos) return;
      row = json_row(line);
    }
    row.line = number;
    if (!rows.empty() && rows.front().input.second.has_value() != row.input.second.has_value()) {
      throw base::InputError(row.input.second ? "it is a pair of texts" : "it is a single text",
                             fmt::format("line {} is not", rows.front().line), "One file holds texts of one kind");
    }
    rows.push_back(std::move(row));
  });
  if (rows.empty()) throw base::InputError(fmt::format("{} holds no texts", file.string()), {}, {});
  return rows;
}

TextInput read_text_line(const std::string& line) {
  const auto begins = [&](std::string_view key) { return line.starts_with(fmt::format("{{\"{}\"", key)); };
  const bool meant = begins("text") || begins("question") || begins("second_text") || begins("passage");
  if (!meant && !(line.starts_with('{') && json::accept(line))) return {line, std::nullopt};
  return json_row(line).input;
}

TextFiles find_text_files(const std::filesystem::path& data) {
  if (!std::filesystem::exists(data)) {
    throw base::InputError(fmt::format("there is no {}", data.string()), "task.data names it", "Correct task.data");
  }
  if (!std::filesystem::is_directory(data)) return {data, {}, {}};
  const auto train = file_of_split(data, "train");
  if (!train) {
    throw base::InputError(fmt::format("{} has no training texts", data.string()),
                           "none of train.jsonl, train.tsv and train.txt is there",
                           "Put one there, with dev.* and test.* beside it if you like, or let task.data name a file");
  }
  const auto dev = file_of_split(data, "dev"), validation = file_of_split(data, "validation");
  if (dev && validation) {
    throw base::InputError(fmt::format("{} has two dev files", data.string()),
                           fmt::format("{} and {}", dev->filename().string(), validation->filename().string()),
                           "Leave one of them");
  }
  return {*train, (dev ? dev : validation).value_or(""), file_of_split(data, "test").value_or("")};
}

}  // namespace layersweep::data
