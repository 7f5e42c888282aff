#include "data/squad_score.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/utf8.hpp"
#include "text/unicode.hpp"

namespace layersweep::data {
namespace {

// Python's string.punctuation.
bool is_ascii_punctuation(char32_t c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
}

// Python's str.isspace.
bool is_space(char32_t c) {
  const utf8proc_property_t* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
  return property->category == UTF8PROC_CATEGORY_ZS || property->bidi_class == UTF8PROC_BIDI_CLASS_WS ||
         property->bidi_class == UTF8PROC_BIDI_CLASS_B || property->bidi_class == UTF8PROC_BIDI_CLASS_S;
}

// \w of Python's re: letters, numbers and _.
bool is_word_part(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return true;
    default:
      return c == U'_';
  }
}

bool is_article(std::u32string_view word) { return word == U"a" || word == U"an" || word == U"the"; }

std::vector<std::string> words_of(const std::string& normalised) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin < normalised.size();) {
    const std::size_t end = std::min(normalised.find(' ', begin), normalised.size());
    words.push_back(normalised.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

double f1_of(const std::string& predicted, const std::string& given, SquadScript script) {
  const std::vector<std::string> left = words_of(predicted), right = words_of(given);
  if (script == SquadScript::v2_0 && (left.empty() || right.empty())) return left.empty() == right.empty() ? 1 : 0;
  std::map<std::string, int> count;
  for (const std::string& word : right) ++count[word];
  double same = 0;
  for (const std::string& word : left) {
    if (count[word]-- > 0) ++same;
  }
  return same == 0 ? 0 : 2 * same / static_cast<double>(left.size() + right.size());
}

}  // namespace

std::string normalised_answer(std::string_view text) {
  std::u32string plain;
  for (const char32_t c : base::decode_utf8(text)) {
    if (!is_ascii_punctuation(c)) text::append_lower_case(c, plain);
  }
  std::string normalised;
  bool gap = false;
  for (std::size_t begin = 0; begin < plain.size();) {
    std::size_t end = begin + 1;
    if (is_word_part(plain[begin])) {
      while (end < plain.size() && is_word_part(plain[end])) ++end;
    }
    const std::u32string_view piece(plain.data() + begin, end - begin);
    begin = end;
    if (is_article(piece) || is_space(piece.front())) {
      gap = true;
      continue;
    }
    if (gap && !normalised.empty()) normalised += ' ';
    gap = false;
    for (const char32_t c : piece) base::append_utf8(c, normalised);
  }
  return normalised;
}

AnswerScore score_answer(std::string_view predicted, std::span<const std::string> given, SquadScript script) {
  const std::string answer = normalised_answer(predicted);
  std::vector<std::string> golds;
  for (const std::string& text : given) golds.push_back(normalised_answer(text));
  if (script == SquadScript::v2_0) {
    std::erase(golds, std::string());
    if (golds.empty()) golds.emplace_back();
  }
  AnswerScore best;
  for (const std::string& gold : golds) {
    best.exact_match = best.exact_match || answer == gold;
    best.f1 = std::max(best.f1, f1_of(answer, gold, script));
  }
  return best;
}

}  // namespace layersweep::data
