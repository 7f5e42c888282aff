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
  /// Before a text that is not empty, for its first character.
  void prepend(const std::u32string& before) {
    if (text.empty()) return;
    origin.insert(origin.begin(), before.size(), origin.front());
    text.insert(0, before);
  }
  /// Of characters begin..end, not none of them.
  Origin origin_of(std::size_t begin, std::size_t end) const { return {origin[begin].start, origin[end - 1].end}; }
  AlignedText part(std::size_t begin, std::size_t end) const {
    return {text.substr(begin, end - begin), {origin.begin() + begin, origin.begin() + end}};
  }
};

/// A character of a text that comes in the place of another one, as the reference counts: `change` 0 in the place of that
/// text's next character, 1 inserted behind what came before, −n in the place of the next character while n more are
/// dropped.
struct Edit {
  char32_t c = 0;
  std::int32_t change = 0;
};

/// The text of all edits. An inserted character has the origin of the old character before the place that is reached, which
/// need not be the one it was made from: so the reference has it too.
inline AlignedText edited(const AlignedText& in, const std::vector<Edit>& edits) {
  AlignedText out;
  out.text.reserve(edits.size());
  out.origin.reserve(edits.size());
  std::size_t reached = 0;
  for (const auto& [c, change] : edits) {
    const std::size_t from = change > 0 ? reached - (reached > 0) : reached;
    if (change <= 0) reached += static_cast<std::size_t>(1 - change);
    out.append(c, in.origin.at(from));
  }
  return out;
}

/// Each character replaced by those that `append_instead` gives for it.
template <class AppendInstead>
AlignedText replaced(const AlignedText& in, AppendInstead append_instead) {
  AlignedText out;
  out.text.reserve(in.size());
  out.origin.reserve(in.size());
  for (std::size_t i = 0; i < in.size(); ++i) {
    append_instead(in.text[i], out.text);
    out.origin.resize(out.size(), in.origin[i]);
  }
  return out;
}

/// Characters begin..end of a text as they are.
inline AlignedText align(const std::u32string& original, std::size_t begin, std::size_t end) {
  AlignedText out{original.substr(begin, end - begin), {}};
  out.origin.reserve(out.size());
  for (auto i = static_cast<std::int32_t>(begin); i < static_cast<std::int32_t>(end); ++i) out.origin.push_back({i, i + 1});
  return out;
}

}  // namespace layersweep::text
