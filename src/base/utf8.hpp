// The one walk through UTF-8: everything that looks at characters goes by it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace layersweep::base {

struct Character {
  std::string_view bytes;
  std::optional<char32_t> code_point;  ///< nothing where the bytes are not UTF-8
};

/// Takes the first character off a text that is not empty. Bytes that are not UTF-8 are taken in the largest pieces that
/// could have begun a character, as Unicode recommends for what becomes one U+FFFD.
Character take_character(std::string_view& text);

/// The place in bytes of the first byte that is not UTF-8.
std::optional<std::size_t> first_ill_formed(std::string_view text);

}  // namespace layersweep::base
