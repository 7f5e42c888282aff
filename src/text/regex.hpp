// Regular expressions as the reference reads them: Oniguruma's (Ruby's) syntax and its Unicode. They are run by PCRE2, whose
// own Unicode is not asked: each character of a text becomes the byte that stands for all characters which the expression
// cannot tell apart, and the expression is one of such bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/range.hpp"

namespace layersweep::text {

/// Immutable and safe to use from several threads.
class Regex {
 public:
  /// Throws InputError, naming the part, where the expression is no valid one or has a part that would not be followed to
  /// the letter.
  explicit Regex(std::string_view pattern);

  /// From left to right, as the reference finds them: an empty match directly behind another is none. Throws InputError
  /// where a search needs more memory or steps than PCRE2 grants.
  std::vector<Range> matches(std::u32string_view text) const;

 private:
  std::string pattern_;                  // for messages
  std::vector<std::uint8_t> byte_of_;    // of each code point
  std::shared_ptr<const void> program_;  // a pcre2_code
};

/// A pattern that matches a text to the letter.
std::string escaped(std::string_view text);

}  // namespace layersweep::text
