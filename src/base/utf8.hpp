// The one walk through UTF-8: everything that looks at characters goes by it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
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

/// Each piece that is not UTF-8 gives one U+FFFD.
std::u32string decode_utf8(std::string_view text);
void append_utf8(char32_t c, std::string& out);

/// Whether a byte of well-formed UTF-8 is the first of a code point.
inline bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

/// Code points in well-formed UTF-8.
std::int64_t count_code_points(std::string_view text);

/// The place in bytes of a code point; nothing beyond the end (one past the last code point is the end). Well-formed UTF-8.
std::optional<std::size_t> byte_of_code_point(std::string_view text, std::int64_t index);

}  // namespace layersweep::base
