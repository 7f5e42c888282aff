#include "app/display_width.hpp"

#include <utf8proc.h>

#include "base/utf8.hpp"

namespace layersweep::app {

namespace {

constexpr std::string_view ellipsis = "…";

}  // namespace

int display_width(std::string_view text) {
  int columns = 0;
  while (!text.empty()) {
    const auto code_point = base::take_character(text).code_point;
    columns += code_point ? utf8proc_charwidth(static_cast<utf8proc_int32_t>(*code_point)) : 1;
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
    const std::string_view next = base::take_character(text).bytes;
    const int more = display_width(next);
    if (used + more > columns - 1) break;
    result += next;
    used += more;
  }
  // A wide character that does not fit any more leaves a blank.
  return result + std::string(ellipsis) + std::string(static_cast<std::size_t>(columns - 1 - used), ' ');
}

}  // namespace layersweep::app
