// Added tokens ("[MASK]" and the like): words that are recognised in a text before anything else looks at it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "text/longest_match.hpp"

namespace layersweep::text {

struct AddedToken {
  std::int32_t id = 0;
  std::string content;       ///< UTF-8
  bool single_word = false;  ///< only where no letter or digit touches it
  bool strip_left = false;   ///< takes the white space before it along
  bool strip_right = false;
  bool normalized = false;  ///< compared with the normalised text, normalised itself
  bool special = false;

  bool operator==(const AddedToken&) const = default;
};

/// A stretch of a text: an added token, or (id −1) something between.
struct Stretch {
  std::int32_t id = -1;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Finds a fixed set of added tokens: leftmost first, of several the longest, of equals the first given.
class AddedTokenFinder {
 public:
  struct Pattern {
    std::u32string text;  ///< not empty
    AddedToken token;
  };
  explicit AddedTokenFinder(std::vector<Pattern> patterns);

  /// Cuts the whole text into stretches, without empty ones.
  std::vector<Stretch> split(const std::u32string& text) const;

 private:
  std::vector<Pattern> patterns_;
  PatternFinder finder_;
};

}  // namespace layersweep::text
