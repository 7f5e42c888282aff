#include "data/utf8.hpp"

#include <algorithm>

namespace layersweep::data {

std::int64_t count_code_points(std::string_view text) { return std::ranges::count_if(text, starts_code_point); }

std::optional<std::size_t> byte_of_code_point(std::string_view text, std::int64_t index) {
  if (index < 0) return std::nullopt;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (starts_code_point(text[place]) && index-- == 0) return place;
  }
  return index == 0 ? std::optional(text.size()) : std::nullopt;
}

}  // namespace layersweep::data
