// Every match of a pattern replaced by one text.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/utf8.hpp"
#include "text/components.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

/// A character of a set, at least `least` times and as often as it comes, or once.
struct Repeated {
  std::u32string characters;
  bool white_space = false;  // \s, besides
  std::size_t least = 1;
  bool once = true;

  bool has(char32_t c) const { return characters.find(c) != std::u32string::npos || (white_space && is_whitespace(c)); }
};

/// Reads the regular expressions that are made of alternatives, each one character or a set of them with {n,} or + behind
/// it. They say the same in every dialect.
class PatternReader {
 public:
  /// Nothing where there is more in it.
  static std::optional<std::vector<Repeated>> read(std::u32string_view pattern) {
    PatternReader reader{pattern};
    std::vector<Repeated> alternatives;
    do {
      alternatives.emplace_back();
      if (!reader.take_characters(alternatives.back()) || !reader.take_count(alternatives.back())) return std::nullopt;
    } while (reader.take(U'|'));
    if (!reader.rest_.empty()) return std::nullopt;
    return alternatives;
  }

 private:
  explicit PatternReader(std::u32string_view pattern) : rest_(pattern) {}

  bool take(char32_t c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_character(Repeated& into, bool in_set) {
    constexpr std::u32string_view special = U"\\[](){}|.*+?^$&-", escapes = U"nrtf", escaped = U"\n\r\t\f";
    if (rest_.empty()) return false;
    if (take(U'\\')) {
      if (take(U's')) return into.white_space = true;
      const std::size_t escape = rest_.empty() ? escapes.npos : escapes.find(rest_.front());
      if (escape == escapes.npos) return false;
      into.characters += escaped[escape];
    } else {
      const char32_t c = rest_.front();
      if (special.find(c) != special.npos && (in_set || (c != U'-' && c != U'&'))) return false;
      into.characters += c;
    }
    rest_.remove_prefix(1);
    return true;
  }

  bool take_characters(Repeated& into) {
    if (!take(U'[')) return take_character(into, false);
    while (!take(U']')) {
      if (!take_character(into, true)) return false;
    }
    return into.white_space || !into.characters.empty();
  }

  bool take_count(Repeated& into) {
    if (take(U'+')) {
      into.once = false;
    } else if (take(U'{')) {
      into.least = 0;
      for (; !rest_.empty() && rest_.front() >= U'0' && rest_.front() <= U'9' && into.least < 1000; rest_.remove_prefix(1)) {
        into.least = 10 * into.least + (rest_.front() - U'0');
      }
      into.once = false;
      if (into.least == 0 || !take(U',') || !take(U'}')) return false;
    }
    return rest_.empty() || rest_.front() == U'|';  // else another quantifier, or a second character
  }

  std::u32string_view rest_;
};

class Replace final : public Normalizer {
 public:
  Replace(std::string told, std::u32string text, std::vector<Repeated> alternatives, std::u32string content)
      : told_(std::move(told)),
        text_(std::move(text)),
        alternatives_(std::move(alternatives)),
        content_(std::move(content)) {}

  AlignedText normalize(AlignedText in) const override {
    Range match = next(in.text, 0);
    if (match.begin == in.size()) return in;
    AlignedText out;
    out.text.reserve(in.size());
    out.origin.reserve(in.size());
    for (std::size_t done = 0;; match = next(in.text, done)) {
      out.text.append(in.text, done, match.begin - done);
      out.origin.insert(out.origin.end(), in.origin.begin() + done, in.origin.begin() + match.begin);
      if (match.begin == in.size()) return out;
      out.text += content_;
      out.origin.resize(out.size(), in.origin[match.end - 1]);
      done = match.end;
    }
  }

  void add_to(Fingerprint& fingerprint) const override { fingerprint.add_text(told_); }

 private:
  /// The first match from a place on; empty at the end where there is none.
  Range next(std::u32string_view text, std::size_t from) const {
    if (!text_.empty()) {
      const std::size_t found = text.find(text_, from);
      return found == text.npos ? Range{text.size(), text.size()} : Range{found, found + text_.size()};
    }
    for (; from < text.size(); ++from) {
      for (const Repeated& alternative : alternatives_) {
        std::size_t end = from;
        while (end < text.size() && alternative.has(text[end]) && !(alternative.once && end > from)) ++end;
        if (end - from >= alternative.least) return {from, end};
      }
    }
    return {text.size(), text.size()};
  }

  std::string told_;
  std::u32string text_;  // or, where it is empty, any of:
  std::vector<Repeated> alternatives_;
  std::u32string content_;
};

}  // namespace

std::unique_ptr<const Normalizer> read_replace(const JsonPart& part) {
  const auto& pattern = part.value.at("pattern");
  const bool is_text = pattern.contains("String");
  const std::u32string written = base::decode_utf8(pattern.at(is_text ? "String" : "Regex").get<std::string>());
  if (written.empty()) refuse(part.file, "its normalizer Replace has an empty pattern");
  std::optional<std::vector<Repeated>> alternatives;
  if (!is_text && !(alternatives = PatternReader::read(written))) {
    refuse(part.file, fmt::format("its normalizer Replace has the regular expression {}, which is not one of "
                                  "alternatives of single characters and sets of them, with {{n,}} or + behind them",
                                  pattern.at("Regex").dump()));
  }
  return std::make_unique<Replace>(part.value.dump(), is_text ? written : std::u32string(),
                                   std::move(alternatives).value_or(std::vector<Repeated>()),
                                   base::decode_utf8(part.value.at("content").get<std::string>()));
}

}  // namespace layersweep::text
