#include "data/corpus.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "base/error.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::data {
namespace {

constexpr std::string_view kKind = "layersweep token shard";
constexpr std::string_view kVersion = "3";

// The columns, as vectors while they are built and as spans (into those vectors or a mapped file) afterwards.
template <template <class> class Column>
struct Table {
  Column<std::int64_t> token_start;
  Column<std::int32_t> token_id, segment;
  Column<std::uint8_t> part;
  Column<std::int32_t> word_index, char_start, char_end, sentiment;
  Column<std::uint8_t> truth, answerable;
  Column<std::int32_t> label, query, answer, question;
  Column<std::int64_t> text_start;  // E + 1, in bytes of text; likewise the other starts
  Column<std::uint8_t> text;
  Column<std::int64_t> second_start;  // D + 1, of D texts; windows of one passage share it
  Column<std::uint8_t> second;
  Column<std::int32_t> second_of;  // E, each below D
  Column<std::int64_t> gold_start;
  Column<std::uint8_t> gold;  // each answer with a NUL behind it
  Column<std::int64_t> id_start;
  Column<std::uint8_t> id;

  auto columns() { return columns_of(*this); }
  auto columns() const { return columns_of(*this); }

 private:
  template <class Self>
  static auto columns_of(Self& self) {
    return std::tie(self.token_start, self.token_id, self.segment, self.part, self.word_index, self.char_start,
                    self.char_end, self.sentiment, self.truth, self.answerable, self.label, self.query, self.answer,
                    self.question, self.text_start, self.text, self.second_start, self.second, self.second_of,
                    self.gold_start, self.gold, self.id_start, self.id);
  }
};

// In the order of Table::columns; these are the names in the file.
constexpr std::array kColumnNames{
    "token_start",  "token_id",   "segment",   "part",       "word_index", "char_start", "char_end",   "sentiment",
    "truth",        "answerable", "label",     "query",      "answer",     "question",   "text_start", "text",
    "second_start", "second",     "second_of", "gold_start", "gold",       "id_start",   "id"};

template <class T>
using Vector = std::vector<T>;
template <class T>
using View = std::span<const T>;

template <class F>
void for_each_column(auto&& columns, F visit) {
  constexpr std::size_t count = std::tuple_size_v<std::remove_cvref_t<decltype(columns)>>;
  static_assert(count == kColumnNames.size());
  [&]<std::size_t... place>(std::index_sequence<place...>) { (visit(kColumnNames[place], std::get<place>(columns)), ...); }
  (std::make_index_sequence<count>());
}

template <class T>
void append(std::vector<T>& column, const std::vector<T>& values) {
  column.insert(column.end(), values.begin(), values.end());
}

void append(std::vector<std::uint8_t>& column, const std::string& text) {
  column.insert(column.end(), text.begin(), text.end());
}

void check(const Example& example) {
  const std::size_t tokens = example.token_id.size();
  const auto fits = [&](const auto& values) { return values.size() == tokens; };
  const auto fits_or_absent = [&](const auto& values) { return values.empty() || fits(values); };
  base::ensure(fits(example.segment) && fits(example.part) && fits(example.word_index) && fits(example.char_start) &&
                   fits(example.char_end) && fits_or_absent(example.sentiment) && fits_or_absent(example.truth) &&
                   fits_or_absent(example.answerable),
               "an example whose per-token vectors differ in length");
  base::ensure(example.query.empty() || example.query.size() == 2, "an example whose query is not of two symbols");
  base::ensure(example.answer.empty() ? example.answerable.empty() : example.answer.size() == 2 && fits(example.answerable),
               "an example whose answer is not of two tokens, or lies nowhere");
}

// Offsets 0 = start[0] <= start[1] <= … = total.
bool are_offsets(std::span<const std::int64_t> start, std::size_t total) {
  return !start.empty() && start.front() == 0 && std::ranges::is_sorted(start) &&
         start.back() == static_cast<std::int64_t>(total);
}

bool all_within(const auto& values, std::int64_t least, std::int64_t most) {
  return std::ranges::all_of(values, [&](std::int64_t value) { return value >= least && value <= most; });
}

// Whether each example's two tokens of `answer` are its own, or −1.
bool answers_within(const Table<View>& table) {
  for (std::size_t place = 0; place < table.answer.size(); ++place) {
    const std::size_t example = place / 2;
    const std::int64_t length = table.token_start[example + 1] - table.token_start[example];
    if (table.answer[place] < -1 || table.answer[place] >= length) return false;
  }
  return true;
}

// What is wrong with values that are used as places or numbers of something, if anything.
std::optional<std::string> value_flaw(const Table<View>& table) {
  constexpr std::int64_t any = INT32_MAX;
  const std::array<std::pair<const char*, bool>, 13> ranges{{
      {"part", all_within(table.part, 0, static_cast<std::int64_t>(terms::TokenPart::answer))},
      {"segment", all_within(table.segment, 0, any)},
      {"token_id", all_within(table.token_id, 0, any)},
      {"word_index", all_within(table.word_index, -1, any)},
      {"char_start", all_within(table.char_start, -1, any)},
      {"char_end", all_within(table.char_end, -1, any)},
      {"sentiment", all_within(table.sentiment, -1, 4)},
      {"truth", all_within(table.truth, 0, 1)},
      {"answerable", all_within(table.answerable, 0, 1)},
      {"label", all_within(table.label, -1, any)},
      {"question", all_within(table.question, 0, any)},
      {"second_of", all_within(table.second_of, 0, std::ssize(table.second_start) - 2)},
      {"answer", answers_within(table)},
  }};
  for (const auto& [name, fits] : ranges) {
    if (!fits) return fmt::format("column {} holds a value outside its range", name);
  }
  return std::nullopt;
}

// What is wrong with the columns of a file, if anything.
std::optional<std::string> flaw(const Table<View>& table) {
  if (!are_offsets(table.token_start, table.token_id.size())) return "token_start does not cut token_id into examples";
  const std::size_t examples = table.token_start.size() - 1;
  const std::size_t tokens = table.token_id.size();
  const std::array<std::pair<const char*, bool>, 13> sizes{{
      {"segment", table.segment.size() == tokens},
      {"part", table.part.size() == tokens},
      {"word_index", table.word_index.size() == tokens},
      {"char_start", table.char_start.size() == tokens},
      {"char_end", table.char_end.size() == tokens},
      {"sentiment", table.sentiment.empty() || table.sentiment.size() == tokens},
      {"truth", table.truth.empty() || table.truth.size() == tokens},
      {"answerable", table.answerable.empty() || table.answerable.size() == tokens},
      {"label", table.label.size() == examples},
      {"query", table.query.empty() || table.query.size() == 2 * examples},
      {"answer", table.answer.empty() || table.answer.size() == 2 * examples},
      {"question", table.question.size() == examples},
      {"second_of", table.second_of.size() == examples},
  }};
  for (const auto& [name, fits] : sizes) {
    if (!fits) return fmt::format("column {} has the wrong length", name);
  }
  if (table.text_start.size() != examples + 1 || !are_offsets(table.text_start, table.text.size())) {
    return "text_start does not cut text into examples";
  }
  if (!are_offsets(table.second_start, table.second.size())) return "second_start does not cut second into texts";
  if (table.gold_start.size() != examples + 1 || !are_offsets(table.gold_start, table.gold.size())) {
    return "gold_start does not cut gold into examples";
  }
  if (table.id_start.size() != examples + 1 || !are_offsets(table.id_start, table.id.size())) {
    return "id_start does not cut id into examples";
  }
  return value_flaw(table);
}

std::string_view cut(std::span<const std::uint8_t> text, std::span<const std::int64_t> start, std::int64_t example) {
  return {reinterpret_cast<const char*>(text.data()) + start[example],
          static_cast<std::size_t>(start[example + 1] - start[example])};
}

}  // namespace

struct Corpus::Columns {
  Table<View> view;
  Table<Vector> owned;  // empty where the columns are mapped
  Notes notes;
  std::optional<tensors::SafetensorsFile> file;  // keeps the mapping alive
  std::shared_ptr<const Columns> whole;          // of a part: keeps what it views alive
};

Corpus::Corpus(std::shared_ptr<const Columns> columns) : columns_(std::move(columns)) {}

Corpus Corpus::pack(const std::vector<Example>& examples, Notes notes) {
  auto made = std::make_shared<Columns>();
  made->notes = std::move(notes);
  Table<Vector>& table = made->owned;
  table.token_start.push_back(0);
  table.text_start.push_back(0);
  table.second_start.push_back(0);
  table.gold_start.push_back(0);
  table.id_start.push_back(0);
  const std::string* second = nullptr;
  for (const Example& example : examples) {
    check(example);
    append(table.token_id, example.token_id);
    append(table.segment, example.segment);
    append(table.part, example.part);
    append(table.word_index, example.word_index);
    append(table.char_start, example.char_start);
    append(table.char_end, example.char_end);
    append(table.sentiment, example.sentiment);
    append(table.truth, example.truth);
    append(table.query, example.query);
    append(table.answerable, example.answerable);
    append(table.answer, example.answer);
    append(table.text, example.text);
    if (table.second_of.empty() || example.second_text.get() != second) {
      second = example.second_text.get();
      if (second != nullptr) append(table.second, *second);
      table.second_start.push_back(std::ssize(table.second));
    }
    table.second_of.push_back(static_cast<std::int32_t>(table.second_start.size() - 2));
    for (const std::string& gold : example.gold) append(table.gold, gold + '\0');
    append(table.id, example.id);
    table.label.push_back(example.label);
    table.question.push_back(example.question);
    table.token_start.push_back(std::ssize(table.token_id));
    table.text_start.push_back(std::ssize(table.text));
    table.gold_start.push_back(std::ssize(table.gold));
    table.id_start.push_back(std::ssize(table.id));
  }
  made->view.columns() = table.columns();
  const auto wrong = flaw(made->view);
  base::ensure(!wrong, wrong.value_or(""));
  return Corpus(std::move(made));
}

Corpus Corpus::open(const std::filesystem::path& file) {
  auto made = std::make_shared<Columns>();
  made->file = tensors::SafetensorsFile::open(file);
  const auto refuse = [&](std::string_view why) {
    throw base::InputError(fmt::format("{} is not a token shard of this version", file.string()), why,
                           "Delete it and prepare the data again");
  };
  const auto expect = [&](const char* key, std::string_view value) {
    const auto found = made->file->metadata().find(key);
    if (found == made->file->metadata().end()) refuse(fmt::format("it does not say its {}", key));
    if (found->second != value) refuse(fmt::format("its {} is \"{}\", expected \"{}\"", key, found->second, value));
  };
  expect("kind", kKind);
  expect("version", kVersion);
  for_each_column(made->view.columns(),
                  [&]<class T>(const char* name, View<T>& column) { column = made->file->values<T>(name); });
  if (const auto wrong = flaw(made->view)) refuse(*wrong);
  const auto notes = made->file->metadata().find("notes");
  const auto read = notes == made->file->metadata().end() ? Notes() : Notes::from_text(notes->second);
  if (!read) refuse("its notes cannot be read");
  made->notes = *read;
  return Corpus(std::move(made));
}

std::vector<std::int64_t> Corpus::lengths(std::int64_t first, std::int64_t count) const {
  std::vector<std::int64_t> lengths;
  for (std::int64_t example = first; example < first + count; ++example) lengths.push_back(length(example));
  return lengths;
}

void Corpus::save(const std::filesystem::path& file) const {
  std::vector<tensors::TensorToWrite> columns;
  for_each_column(columns_->view.columns(), [&]<class T>(const char* name, const View<T>& column) {
    columns.push_back(tensors::tensor_to_write(name, {std::ssize(column)}, column));
  });
  tensors::write_safetensors(
      file, std::move(columns),
      {{"kind", std::string(kKind)}, {"version", std::string(kVersion)}, {"notes", columns_->notes.text()}});
}

Corpus Corpus::first(std::int64_t count) const {
  if (count >= size()) return *this;
  auto made = std::make_shared<Columns>();
  made->whole = columns_;
  made->view = columns_->view;
  made->notes = columns_->notes;
  Table<View>& view = made->view;
  const auto examples = static_cast<std::size_t>(count);
  for (auto* start : {&view.token_start, &view.text_start, &view.gold_start, &view.id_start})
    *start = start->first(examples + 1);
  const auto tokens = static_cast<std::size_t>(view.token_start.back());
  const auto cut_to = [](auto& column, std::size_t length) {
    if (!column.empty()) column = column.first(length);
  };
  for (auto* column : {&view.token_id, &view.segment, &view.word_index, &view.char_start, &view.char_end, &view.sentiment}) {
    cut_to(*column, tokens);
  }
  cut_to(view.part, tokens);
  cut_to(view.truth, tokens);
  cut_to(view.answerable, tokens);
  cut_to(view.label, examples);
  cut_to(view.question, examples);
  cut_to(view.query, 2 * examples);
  cut_to(view.answer, 2 * examples);
  cut_to(view.text, static_cast<std::size_t>(view.text_start.back()));
  cut_to(view.second_of, examples);
  cut_to(view.gold, static_cast<std::size_t>(view.gold_start.back()));
  cut_to(view.id, static_cast<std::size_t>(view.id_start.back()));
  return Corpus(std::move(made));
}

const Notes& Corpus::notes() const { return columns_->notes; }
std::int64_t Corpus::size() const { return std::ssize(columns_->view.label); }
std::int64_t Corpus::token_total() const { return std::ssize(columns_->view.token_id); }
std::span<const std::int64_t> Corpus::token_start() const { return columns_->view.token_start; }
std::span<const std::int32_t> Corpus::token_id() const { return columns_->view.token_id; }
std::span<const std::int32_t> Corpus::segment() const { return columns_->view.segment; }
std::span<const std::uint8_t> Corpus::part() const { return columns_->view.part; }
std::span<const std::int32_t> Corpus::word_index() const { return columns_->view.word_index; }
std::span<const std::int32_t> Corpus::char_start() const { return columns_->view.char_start; }
std::span<const std::int32_t> Corpus::char_end() const { return columns_->view.char_end; }
std::span<const std::int32_t> Corpus::sentiment() const { return columns_->view.sentiment; }
std::span<const std::uint8_t> Corpus::truth() const { return columns_->view.truth; }
std::span<const std::int32_t> Corpus::label() const { return columns_->view.label; }
std::span<const std::int32_t> Corpus::query() const { return columns_->view.query; }

std::span<const std::uint8_t> Corpus::answerable() const { return columns_->view.answerable; }
std::span<const std::int32_t> Corpus::answer() const { return columns_->view.answer; }
std::span<const std::int32_t> Corpus::question() const { return columns_->view.question; }

std::string_view Corpus::text(std::int64_t example) const {
  return cut(columns_->view.text, columns_->view.text_start, example);
}
std::string_view Corpus::second_text(std::int64_t example) const {
  return cut(columns_->view.second, columns_->view.second_start,
             columns_->view.second_of[static_cast<std::size_t>(example)]);
}
std::vector<std::string> Corpus::gold(std::int64_t example) const {
  std::vector<std::string> answers;
  std::string_view rest = cut(columns_->view.gold, columns_->view.gold_start, example);
  while (!rest.empty()) {
    const std::size_t end = rest.find('\0');
    answers.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(rest.size(), end == rest.npos ? end : end + 1));
  }
  return answers;
}
std::string_view Corpus::id(std::int64_t example) const { return cut(columns_->view.id, columns_->view.id_start, example); }

}  // namespace layersweep::data
