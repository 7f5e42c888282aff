#include "text/added_tokens.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

std::vector<std::u32string> texts_of(const std::vector<AddedTokenFinder::Pattern>& patterns) {
  std::vector<std::u32string> texts;
  for (const auto& pattern : patterns) {
    base::ensure(!pattern.text.empty(), "an added token has at least one character");
    texts.push_back(pattern.text);
  }
  return texts;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<Pattern> patterns)
    : patterns_(std::move(patterns)), finder_(texts_of(patterns_)) {}

std::vector<Stretch> AddedTokenFinder::split(const std::u32string& text) const {
  std::vector<Stretch> stretches;
  const std::vector<std::int32_t> longest = finder_.longest_at(text);
  std::size_t done = 0;
  std::size_t blank_end = 0;  // of the white space that was looked through last
  for (std::size_t position = 0; position < text.size();) {
    if (longest[position] == no_pattern) {
      ++position;
      continue;
    }
    const auto& [pattern, token] = patterns_[static_cast<std::size_t>(longest[position])];
    std::size_t begin = position;
    std::size_t end = position + pattern.size();
    position = end;  // whatever becomes of this match, the next one does not overlap it
    const bool touches_word =
        (begin > 0 && is_word_character(text[begin - 1])) || (end < text.size() && is_word_character(text[end]));
    if (token.single_word && touches_word) continue;
    if (token.strip_left) {
      while (begin > done && is_whitespace(text[begin - 1])) --begin;
    }
    if (token.strip_right) {
      end = std::max(end, blank_end);  // a token of white space lies in what another one took along
      while (end < text.size() && is_whitespace(text[end])) ++end;
      blank_end = end;
    }
    if (done < begin) stretches.push_back({-1, done, begin});
    stretches.push_back({token.id, begin, end});
    done = end;
  }
  if (done < text.size()) stretches.push_back({-1, done, text.size()});
  return stretches;
}

}  // namespace layersweep::text
