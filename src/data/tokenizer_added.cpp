#include "data/tokenizer_added.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "data/tokenizer_unicode.hpp"

namespace layersweep::data {

AddedTokenFinder::AddedTokenFinder(std::vector<Pattern> patterns) : patterns_(std::move(patterns)) {
  std::stable_sort(patterns_.begin(), patterns_.end(),
                   [](const Pattern& a, const Pattern& b) { return a.text.size() > b.text.size(); });
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    base::ensure(!patterns_[i].text.empty(), "an added token has at least one character");
    by_first_char_[patterns_[i].text.front()].push_back(i);
  }
}

const AddedTokenFinder::Pattern* AddedTokenFinder::match_at(const std::u32string& text, std::size_t position) const {
  const auto candidates = by_first_char_.find(text[position]);
  if (candidates == by_first_char_.end()) return nullptr;
  for (const std::size_t i : candidates->second) {
    if (text.compare(position, patterns_[i].text.size(), patterns_[i].text) == 0) return &patterns_[i];
  }
  return nullptr;
}

std::vector<Stretch> AddedTokenFinder::split(const std::u32string& text) const {
  std::vector<Stretch> stretches;
  std::size_t done = 0;
  for (std::size_t position = 0; position < text.size();) {
    const Pattern* const pattern = match_at(text, position);
    if (pattern == nullptr) {
      ++position;
      continue;
    }
    std::size_t begin = position;
    std::size_t end = position + pattern->text.size();
    position = end;  // whatever becomes of this match, the next one does not overlap it
    const bool touches_word =
        (begin > 0 && is_word_character(text[begin - 1])) || (end < text.size() && is_word_character(text[end]));
    if (pattern->token.single_word && touches_word) continue;
    if (pattern->token.strip_left) {
      while (begin > done && is_whitespace(text[begin - 1])) --begin;
    }
    if (pattern->token.strip_right) {
      while (end < text.size() && is_whitespace(text[end])) ++end;
    }
    if (done < begin) stretches.push_back({-1, done, begin});
    stretches.push_back({pattern->token.id, begin, end});
    done = end;
  }
  if (done < text.size()) stretches.push_back({-1, done, text.size()});
  return stretches;
}

}  // namespace layersweep::data
