// The BERT normaliser, with a record of where each character came from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layersweep::data {

struct NormalizerSettings {
  bool clean_text = true;  ///< drop control and private-use characters, make every white space a blank
  bool handle_chinese_chars = true;
  bool strip_accents = true;
  bool lowercase = true;

  bool operator==(const NormalizerSettings&) const = default;
};

/// A range of code points of the original text.
struct Origin {
  std::int32_t start = 0;
  std::int32_t end = 0;
};

/// Characters, each with the part of the original text it stands for; what a normaliser inserts has the origin of the
/// character it was inserted for.
struct AlignedText {
  std::u32string text;
  std::vector<Origin> origin;

  std::size_t size() const { return text.size(); }
  void append(char32_t c, Origin from);
  /// Characters begin..end of `whole`.
  static AlignedText part(const AlignedText& whole, std::size_t begin, std::size_t end);
};

/// Characters begin..end of a text as they are.
AlignedText align(const std::u32string& original, std::size_t begin, std::size_t end);

AlignedText normalize(const AlignedText& piece, const NormalizerSettings& settings);

}  // namespace layersweep::data
