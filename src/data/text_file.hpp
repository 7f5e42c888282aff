// A user's own texts: JSON lines, tab-separated values, or one text to a line.
//
//   .jsonl .ndjson .json   {"text": …} or {"text": …, "second_text": …}, or {"question": …, "passage": …}; "label" (a
//                          number or a name) and "id" as one likes
//   .tsv                   the first line names the columns: text, second_text (or question, passage), label, id
//   .txt                   a text to a line
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/examples.hpp"

namespace layersweep::data {

struct TextRow {
  TextInput input;
  std::string label;      ///< as the file has it; empty: none
  std::string id;         ///< likewise
  std::int64_t line = 0;  ///< in its file, from 1
};

/// All rows, in order. Throws InputError naming file and line: what is no JSON object or lacks its text, keys and columns
/// that are not known, rows with too many or too few cells, bytes that are not UTF-8, a file without rows or of another
/// kind, a mixture of single texts and pairs.
std::vector<TextRow> read_text_file(const std::filesystem::path& file);

/// One line as `tokenize`, `predict` and `explain` take it: a JSON object as above, else the line itself is the text.
/// Throws InputError when it begins as such an object but is none.
TextInput read_text_line(const std::string& line);

/// What a user's task.data leads to. `dev` and `test` are empty where a split has no file of its own.
struct TextFiles {
  std::filesystem::path train, dev, test;
};

/// A file, or a folder with train.*, and as one likes dev.* (or validation.*) and test.*. Throws InputError when there is
/// none, or more than one for a split.
TextFiles find_text_files(const std::filesystem::path& data);

}  // namespace layersweep::data
