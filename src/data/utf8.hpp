// UTF-8 in texts that are read from files: checked once on reading, then counted in code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/utf8.hpp"

namespace layersweep::data {

using base::first_ill_formed;

/// Whether a byte of well-formed UTF-8 is the first of a code point.
inline bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

/// Code points in well-formed UTF-8.
std::int64_t count_code_points(std::string_view text);

/// The place in bytes of a code point; nothing beyond the end (one past the last code point is the end). Well-formed UTF-8.
std::optional<std::size_t> byte_of_code_point(std::string_view text, std::int64_t index);

}  // namespace layersweep::data
