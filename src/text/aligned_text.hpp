// Text on its way through a tokenizer, with a record of where each character came from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layersweep::text {

/// A range of code points of the original text.
struct Origin {
  std::int32_t start = 0;
  std::int32_t end = 0;
};

/// Characters, each with the part of the original text it stands for; what a component inserts has the origin of the
/// character it was inserted for.
struct AlignedText {
  std::u32string text;
  std::vector<Origin> origin;

  std::size_t size() const { return text.size(); }
  void append(char32_t c, Origin from) {
    text += c;
    origin.push_back(from);
  }
  /// Of characters begin..end, not none of them.
  Origin origin_of(std::size_t begin, std::size_t end) const { return {origin[begin].start, origin[end - 1].end}; }
  AlignedText part(std::size_t begin, std::size_t end) const {
    return {text.substr(begin, end - begin), {origin.begin() + begin, origin.begin() + end}};
  }
};

/// Characters begin..end of a text as they are.
inline AlignedText align(const std::u32string& original, std::size_t begin, std::size_t end) {
  AlignedText out{original.substr(begin, end - begin), {}};
  out.origin.reserve(out.size());
  for (auto i = static_cast<std::int32_t>(begin); i < static_cast<std::int32_t>(end); ++i) out.origin.push_back({i, i + 1});
  return out;
}

}  // namespace layersweep::text
