#include "data/utf8.hpp"

#include <utf8proc.h>

#include <algorithm>

namespace layersweep::data {

std::optional<std::size_t> first_ill_formed(std::string_view text) {
  std::size_t place = 0;
  while (place < text.size()) {
    utf8proc_int32_t code_point = 0;
    const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + place;
    const auto length = utf8proc_iterate(bytes, static_cast<utf8proc_ssize_t>(text.size() - place), &code_point);
    if (length <= 0) return place;
    place += static_cast<std::size_t>(length);
  }
  return std::nullopt;
}

std::int64_t count_code_points(std::string_view text) { return std::ranges::count_if(text, starts_code_point); }

std::optional<std::size_t> byte_of_code_point(std::string_view text, std::int64_t index) {
  if (index < 0) return std::nullopt;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (starts_code_point(text[place]) && index-- == 0) return place;
  }
  return index == 0 ? std::optional(text.size()) : std::nullopt;
}

}  // namespace layersweep::data
