#include "data/sst.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/utf8.hpp"
#include "data/lines.hpp"

namespace layersweep::data {
namespace {

std::string unescape(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kEscapes{
      {{"-LRB-", "("}, {"-RRB-", ")"}, {"\\/", "/"}, {"\\*", "*"}}};
  std::string plain;
  while (!word.empty()) {
    const auto escape =
        std::ranges::find_if(kEscapes, [&](const auto& candidate) { return word.starts_with(candidate.first); });
    const bool escaped = escape != kEscapes.end();
    plain += escaped ? escape->second : word.substr(0, 1);
    word.remove_prefix(escaped ? escape->first.size() : 1);
  }
  return plain;
}

// tree: '(' label ' ' content ')'     content: a word, or trees with single spaces between them
class TreeParser {
 public:
  TreeParser(std::string_view line, std::string_view source, std::int64_t line_number)
      : line_(line), source_(source), line_number_(line_number) {
    if (const auto place = base::first_ill_formed(line)) {
      place_ = *place;
      refuse("UTF-8");
    }
  }

  SstSentence parse() {
    sentence_.label = open_phrase();
    std::int32_t innermost = sentence_.label;
    std::int64_t depth = 1;  // counted, not recursed into: it is the file's choice
    while (depth > 0) {
      // Here a phrase was just opened: it holds either phrases or a word.
      while (peek() == '(') {
        innermost = open_phrase();
        ++depth;
      }
      add_word(innermost);
      do {
        take(')', "')'");
        --depth;
      } while (depth > 0 && peek() == ')');
      if (depth > 0) {
        take(' ', "' ' and another phrase, or ')'");
        innermost = open_phrase();
        ++depth;
      }
    }
    if (place_ != line_.size()) refuse("the end of the line");
    return std::move(sentence_);
  }

 private:
  [[noreturn]] void refuse(std::string_view expected) const {
    const bool at_end = place_ >= line_.size();
    const std::string_view before = line_.substr(0, place_);
    const std::string found = at_end ? "the end of the line" : fmt::format("'{}'", shown(place_));
    throw base::InputError(
        fmt::format("{} line {} is not a tree", source_, line_number_),
        fmt::format("column {}: expected {}, found {}", base::count_code_points(before) + 1, expected, found),
        "A line looks like (3 (2 It) (4 works))");
  }

  // The character at a place; bytes that are not UTF-8 as their number.
  std::string shown(std::size_t place) const {
    std::size_t length = 1;
    while (place + length < line_.size() && (static_cast<unsigned char>(line_[place + length]) & 0xC0) == 0x80) ++length;
    const std::string_view character = line_.substr(place, length);
    if (base::first_ill_formed(character)) return fmt::format("\\x{:02x}", static_cast<unsigned char>(line_[place]));
    return std::string(character);
  }

  char peek() const { return place_ < line_.size() ? line_[place_] : '\0'; }

  void take(char character, std::string_view expected) {
    if (peek() != character) refuse(expected);
    ++place_;
  }

  // "(3 " and its label.
  std::int32_t open_phrase() {
    take('(', "'('");
    const char digit = peek();
    if (digit < '0' || digit > '4') refuse("a label from 0 to 4");
    ++place_;
    take(' ', "' ' behind the label");
    return digit - '0';
  }

  void add_word(std::int32_t sentiment) {
    const std::size_t end = std::min(line_.find_first_of("()", place_), line_.size());
    if (end == place_ || peek() == ' ') refuse("a word or '('");
    const std::string word = unescape(line_.substr(place_, end - place_));
    place_ = end;
    if (!sentence_.words.empty()) {
      sentence_.text += ' ';
      ++characters_;
    }
    const std::int64_t start = characters_;
    characters_ += base::count_code_points(word);
    sentence_.text += word;
    sentence_.words.push_back({static_cast<std::int32_t>(start), static_cast<std::int32_t>(characters_), sentiment});
  }

  std::string_view line_;
  std::string_view source_;
  std::int64_t line_number_;
  std::size_t place_ = 0;
  std::int64_t characters_ = 0;  // in the sentence so far
  SstSentence sentence_;
};

}  // namespace

SstSentence parse_sst_tree(std::string_view line, std::string_view source, std::int64_t line_number) {
  return TreeParser(line, source, line_number).parse();
}

std::vector<SstSentence> read_sst(const std::filesystem::path& file) {
  const std::string content = base::read_text_file(file);
  const std::string source = file.string();
  std::vector<SstSentence> sentences;
  for (const std::string_view line : lines_of(content).lines) {
    sentences.push_back(parse_sst_tree(line, source, std::ssize(sentences) + 1));
  }
  if (sentences.empty()) throw base::InputError(fmt::format("{} holds no trees", source), "it is empty");
  return sentences;
}

std::filesystem::path sst_file(const std::filesystem::path& data_folder, terms::Split split) {
  return data_folder / "sst" / fmt::format("{}.txt", terms::name_of(split));
}

}  // namespace layersweep::data
