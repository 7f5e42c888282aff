// A user's own texts: JSON lines, values separated by tabs or commas, or one text to a line.
//
//   .jsonl .ndjson .json   {"text": …} or {"text": …, "second_text": …}, or {"question": …, "passage": …}; "label" (a
//                          number or a name) and "id" as one likes
//   .tsv .csv              the first line names the columns: text, second_text (or question, passage), label, id; cells in
//                          quotation marks as spreadsheets, pandas and Python's csv write them (data::read_cells)
//   .txt                   a text to a line
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/examples.hpp"
#include "data/notes.hpp"

namespace layersweep::data {

struct TextRow {
  TextInput input;
  std::string label;      ///< as the file has it; empty: none
  std::string id;         ///< likewise
  std::int64_t line = 0;  ///< in its file, from 1
};

/// All rows, in order; blank lines are no rows. `notes` gets what is passed over or read otherwise than it is written.
/// Throws InputError naming file and line: what is no JSON object or lacks its text, keys and columns that are not known,
/// rows with too many or too few cells, bytes that are not UTF-8, U+0000, a file without rows or of another kind, a mixture
/// of single texts and pairs.
std::vector<TextRow> read_text_file(const std::filesystem::path& file, Notes& notes);

/// One line as `tokenize`, `predict` and `explain` take it: a JSON object as above, white space around it or not, else the
/// line itself is the text. Throws InputError when it begins as such an object but is none.
TextInput read_text_line(std::string_view line);

/// What a user's task.data leads to. `dev` and `test` are empty where a split has no file of its own.
struct TextFiles {
  std::filesystem::path train, dev, test;
};

/// A file, or a folder with train.*, and as one likes dev.* (or validation.*, valid.*, val.*, eval.*) and test.*. `notes`
/// gets the other files of the folder. Throws InputError when there is none, or more than one for a split.
TextFiles find_text_files(const std::filesystem::path& data, Notes& notes);

}  // namespace layersweep::data
