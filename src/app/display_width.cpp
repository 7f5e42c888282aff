#include "app/display_width.hpp"

#include <utf8proc.h>

namespace layersweep::app {

namespace {

constexpr std::string_view replacement_character = "\uFFFD";
constexpr std::string_view ellipsis = "…";

struct Character {
  std::string_view bytes;
  utf8proc_int32_t code_point = -1;  // −1: not UTF-8
};

Character first_character(std::string_view text) {
  utf8proc_int32_t code_point = -1;
  const auto used = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                     static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (used <= 0) return {text.substr(0, 1), -1};
  return {text.substr(0, static_cast<std::size_t>(used)), code_point};
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const Character next = first_character(text);
    const bool shown = next.code_point >= 0 && utf8proc_category(next.code_point) != UTF8PROC_CATEGORY_CC;
    result += shown ? next.bytes : replacement_character;
    text.remove_prefix(next.bytes.size());
  }
  return result;
}

int display_width(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const Character next = first_character(text);
    columns += next.code_point < 0 ? 1 : utf8proc_charwidth(next.code_point);
    text.remove_prefix(next.bytes.size());
  }
  return columns;
}

std::string fit_to_width(std::string_view text, int columns, Align align) {
  const int width = display_width(text);
  if (width <= columns) {
    const std::string blanks(static_cast<std::size_t>(columns - width), ' ');
    return align == Align::left ? std::string(text) + blanks : blanks + std::string(text);
  }
  std::string result;
  int used = 0;
  while (!text.empty()) {
    const Character next = first_character(text);
    const int more = display_width(next.bytes);
    if (used + more > columns - 1) break;
    result += next.bytes;
    used += more;
    text.remove_prefix(next.bytes.size());
  }
  // A wide character that does not fit any more leaves a blank.
  return result + std::string(ellipsis) + std::string(static_cast<std::size_t>(columns - 1 - used), ' ');
}

}  // namespace layersweep::app
