// Pre-tokenizers that cut at what an expression or a kind of characters matches.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "text/components.hpp"
#include "text/regex.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

struct MatchedPiece {
  Range range;
  bool matches = false;
};

enum class SplitBehavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };

SplitBehavior split_behavior_from(const JsonPart& part) {
  static const std::map<std::string, SplitBehavior> known{{"Removed", SplitBehavior::removed},
                                                          {"Isolated", SplitBehavior::isolated},
                                                          {"MergedWithPrevious", SplitBehavior::merged_with_previous},
                                                          {"MergedWithNext", SplitBehavior::merged_with_next},
                                                          {"Contiguous", SplitBehavior::contiguous}};
  const auto behavior = known.find(part.value.get<std::string>());
  if (behavior == known.end()) refuse(part.file, fmt::format("its pre-tokenizer has the behavior {}", part.value.dump()));
  return behavior->second;
}

// Step for step as the reference does it, with empty matches and all, which leave no words but part others.
std::vector<Range> words_of(const std::vector<MatchedPiece>& pieces, SplitBehavior behavior) {
  std::vector<Range> words;
  bool before = false;
  const auto merge = [&](const MatchedPiece& piece, bool merges, auto extend) {
    if (merges && !words.empty()) {
      extend(words.back());
    } else {
      words.push_back(piece.range);
    }
    before = piece.matches;
  };
  switch (behavior) {
    case SplitBehavior::removed:
      for (const auto& [range, matches] : pieces) {
        if (!matches) words.push_back(range);
      }
      break;
    case SplitBehavior::isolated:
      for (const MatchedPiece& piece : pieces) words.push_back(piece.range);
      break;
    case SplitBehavior::contiguous:
      for (const MatchedPiece& piece : pieces) {
        merge(piece, piece.matches == before, [&](Range& word) { word.end = piece.range.end; });
      }
      break;
    case SplitBehavior::merged_with_previous:
      for (const MatchedPiece& piece : pieces) {
        merge(piece, piece.matches && !before, [&](Range& word) { word.end = piece.range.end; });
      }
      break;
    case SplitBehavior::merged_with_next:
      for (auto piece = pieces.rbegin(); piece != pieces.rend(); ++piece) {
        merge(*piece, piece->matches && !before, [&](Range& word) { word.begin = piece->range.begin; });
      }
      std::ranges::reverse(words);
      break;
  }
  std::erase_if(words, [](const Range& word) { return word.begin == word.end; });
  return words;
}

/// Each character that matches is a piece of its own, as is what lies between two of them.
template <class Matches>
std::vector<MatchedPiece> pieces_by_character(std::u32string_view text, Matches matches) {
  std::vector<MatchedPiece> pieces;
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!matches(text[i])) continue;
    if (done < i) pieces.push_back({{done, i}, false});
    pieces.push_back({{i, i + 1}, true});
    done = i + 1;
  }
  if (done < text.size()) pieces.push_back({{done, text.size()}, false});
  return pieces;
}

class Split final : public PreTokenizer {
 public:
  struct Settings {
    std::string pattern;  // a regular expression
    SplitBehavior behavior{};
    bool invert = false;  // what lies between the matches counts as matched
  };
  explicit Split(Settings settings) : settings_(std::move(settings)), regex_(settings_.pattern) {}

  std::vector<Range> split(AlignedText& text) const override {
    if (text.size() == 0) return {};
    std::vector<MatchedPiece> pieces;
    std::size_t done = 0;
    for (const Range& match : regex_.matches(text.text)) {
      if (done != match.begin) pieces.push_back({{done, match.begin}, settings_.invert});
      pieces.push_back({match, !settings_.invert});
      done = match.end;
    }
    if (done != text.size()) pieces.push_back({{done, text.size()}, settings_.invert});
    return words_of(pieces, settings_.behavior);
  }

  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_text("Split");
    fingerprint.add_text(settings_.pattern);
    fingerprint.add_numbers(static_cast<int>(settings_.behavior), settings_.invert);
  }

 private:
  Settings settings_;
  Regex regex_;
};

class CharacterSplit final : public PreTokenizer {
 public:
  struct Settings {
    std::string type;  // and whatever tells one from another
    bool (*matches)(char32_t) = nullptr;
    SplitBehavior behavior{};
  };
  explicit CharacterSplit(Settings settings) : settings_(std::move(settings)) {}

  std::vector<Range> split(AlignedText& text) const override {
    return words_of(pieces_by_character(text.text, settings_.matches), settings_.behavior);
  }
  void add_to(Fingerprint& fingerprint) const override {
    fingerprint.add_text(settings_.type);
    fingerprint.add_numbers(static_cast<int>(settings_.behavior));
  }

 private:
  Settings settings_;
};

/// Runs of letters and digits, and runs of anything else but white space.
class Whitespace final : public PreTokenizer {
 public:
  std::vector<Range> split(AlignedText& aligned) const override {
    const std::u32string& text = aligned.text;
    std::vector<Range> words;
    for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
      end = begin + 1;
      if (is_whitespace(text[begin])) continue;
      const bool word = is_word_character(text[begin]);
      while (end < text.size() && !is_whitespace(text[end]) && is_word_character(text[end]) == word) ++end;
      words.push_back({begin, end});
    }
    return words;
  }
  void add_to(Fingerprint& fingerprint) const override { fingerprint.add_text("Whitespace"); }
};

}  // namespace

std::unique_ptr<const PreTokenizer> read_split(const JsonPart& part) {
  const auto& [file, json] = part;
  const auto& pattern = json.at("pattern");
  const bool is_text = pattern.contains("String");
  const auto text = pattern.at(is_text ? "String" : "Regex").get<std::string>();
  return std::make_unique<Split>(Split::Settings{.pattern = is_text ? escaped(text) : text,
                                                 .behavior = split_behavior_from({file, json.at("behavior")}),
                                                 .invert = json.at("invert").get<bool>()});
}

std::unique_ptr<const PreTokenizer> read_char_delimiter_split(const JsonPart& part) {
  return std::make_unique<Split>(Split::Settings{.pattern = escaped(part.value.at("delimiter").get<std::string>()),
                                                 .behavior = SplitBehavior::removed});
}

std::unique_ptr<const PreTokenizer> read_digits(const JsonPart& part) {
  const bool individual = part.value.at("individual_digits").get<bool>();
  return std::make_unique<CharacterSplit>(
      CharacterSplit::Settings{"Digits", is_numeric, individual ? SplitBehavior::isolated : SplitBehavior::contiguous});
}

std::unique_ptr<const PreTokenizer> read_punctuation(const JsonPart& part) {
  const auto behavior = part.value.contains("behavior") ? split_behavior_from({part.file, part.value.at("behavior")})
                                                        : SplitBehavior::isolated;
  return std::make_unique<CharacterSplit>(CharacterSplit::Settings{"Punctuation", is_punctuation, behavior});
}

std::unique_ptr<const PreTokenizer> read_whitespace(const JsonPart&) { return std::make_unique<Whitespace>(); }

std::unique_ptr<const PreTokenizer> read_whitespace_split(const JsonPart&) {
  return std::make_unique<CharacterSplit>(
      CharacterSplit::Settings{"WhitespaceSplit", is_whitespace, SplitBehavior::removed});
}

}  // namespace layersweep::text
