#include "base/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.hpp"

namespace layersweep::base {
namespace {

struct Range {
  char32_t first, last;
};

// Default_Ignorable_Code_Point without variation selectors, and what ends lines or annotates (U+2028, U+2029, U+FFF9 …).
constexpr std::array hidden{Range{0x80, 0x9F},      Range{0xAD, 0xAD},     Range{0x34F, 0x34F},     Range{0x61C, 0x61C},
                            Range{0x115F, 0x1160},  Range{0x17B4, 0x17B5}, Range{0x180E, 0x180E},   Range{0x200B, 0x200F},
                            Range{0x2028, 0x202E},  Range{0x2060, 0x206F}, Range{0x3164, 0x3164},   Range{0xFEFF, 0xFEFF},
                            Range{0xFFA0, 0xFFA0},  Range{0xFFF0, 0xFFFB}, Range{0x1BCA0, 0x1BCA3}, Range{0x1D173, 0x1D17A},
                            Range{0xE0000, 0xE0FFF}};

bool is_ascii(char32_t c) { return c < 0x80; }

bool is_shown(char32_t c) {
  if (is_ascii(c)) return c >= 0x20 && c != 0x7F;
  const auto range = std::ranges::lower_bound(hidden, c, {}, &Range::last);
  return range == hidden.end() || c < range->first;
}

bool can_be_joined(const std::optional<char32_t>& c) { return c && !is_ascii(*c) && is_shown(*c); }

bool is_joiner(char32_t c) { return c == 0x200C || c == 0x200D; }

std::string escaped(const Character& character) {
  if (!character.code_point) {
    std::string text;
    for (const char byte : character.bytes) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    return text;
  }
  const auto c = static_cast<std::uint32_t>(*character.code_point);
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  if (c < 0x80) return fmt::format("\\x{:02x}", c);
  return c < 0x10000 ? fmt::format("\\u{:04x}", c) : fmt::format("\\U{:08x}", c);
}

enum class LineBreaks { escaped, kept };

std::string printable(std::string_view text, LineBreaks breaks) {
  std::string result;
  result.reserve(text.size());
  std::optional<char32_t> previous;
  while (!text.empty()) {
    const Character next = take_character(text);
    const auto c = next.code_point;
    bool kept = c && (is_shown(*c) || (*c == '\n' && breaks == LineBreaks::kept));
    if (c && is_joiner(*c) && can_be_joined(previous) && !text.empty()) {
      std::string_view behind = text;
      kept = can_be_joined(take_character(behind).code_point);
    }
    if (kept) {
      result += next.bytes;
    } else {
      result += escaped(next);
    }
    previous = c;
  }
  return result;
}

}  // namespace

std::string printable(std::string_view text) { return printable(text, LineBreaks::escaped); }

std::string printable_lines(std::string_view text) { return printable(text, LineBreaks::kept); }

}  // namespace layersweep::base
