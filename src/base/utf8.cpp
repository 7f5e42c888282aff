#include "base/utf8.hpp"

#include <algorithm>

namespace layersweep::base {
namespace {

struct Lead {
  int continuation_bytes;     // −1: cannot begin a character
  unsigned char second_low;   // the allowed second byte, narrower than 80..BF where overlong forms, surrogates and
  unsigned char second_high;  // values above 10FFFF would begin
};

Lead classify(unsigned char byte) {
  if (byte < 0x80) return {0, 0, 0};
  if (byte < 0xC2) return {-1, 0, 0};
  if (byte < 0xE0) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte < 0xF0) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte < 0xF4) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {-1, 0, 0};
}

}  // namespace

Character take_character(std::string_view& text) {
  const auto byte = [&](std::size_t place) { return static_cast<unsigned char>(text[place]); };
  const auto take = [&](std::size_t bytes, std::optional<char32_t> code_point) {
    const Character taken{text.substr(0, bytes), code_point};
    text.remove_prefix(bytes);
    return taken;
  };
  auto [left, low, high] = classify(byte(0));
  if (left < 0) return take(1, std::nullopt);
  char32_t c = left == 0 ? byte(0) : byte(0) & (0x3Fu >> left);
  std::size_t place = 1;
  for (; left > 0; --left, ++place, low = 0x80, high = 0xBF) {
    if (place == text.size() || byte(place) < low || byte(place) > high) return take(place, std::nullopt);
    c = (c << 6) | (byte(place) & 0x3Fu);
  }
  return take(place, c);
}

std::optional<std::size_t> first_ill_formed(std::string_view text) {
  for (std::string_view left = text; !left.empty();) {
    const Character next = take_character(left);
    if (!next.code_point) return static_cast<std::size_t>(next.bytes.data() - text.data());
  }
  return std::nullopt;
}

std::u32string decode_utf8(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  while (!text.empty()) out += take_character(text).code_point.value_or(U'\uFFFD');
  return out;
}

void append_utf8(char32_t c, std::string& out) {
  const auto continuation = [&](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += {static_cast<char>(0xC0 | (c >> 6)), continuation(0)};
  } else if (c < 0x10000) {
    out += {static_cast<char>(0xE0 | (c >> 12)), continuation(6), continuation(0)};
  } else {
    out += {static_cast<char>(0xF0 | (c >> 18)), continuation(12), continuation(6), continuation(0)};
  }
}

std::int64_t count_code_points(std::string_view text) { return std::ranges::count_if(text, starts_code_point); }

std::optional<std::size_t> byte_of_code_point(std::string_view text, std::int64_t index) {
  if (index < 0) return std::nullopt;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (starts_code_point(text[place]) && index-- == 0) return place;
  }
  return index == 0 ? std::optional(text.size()) : std::nullopt;
}

}  // namespace layersweep::base
