#include "data/lines.hpp"

#include <algorithm>

namespace layersweep::data {

std::string_view without_byte_order_mark(std::string_view content) {
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  return content.starts_with(mark) ? content.substr(mark.size()) : content;
}

Lines lines_of(std::string_view content) {
  Lines found;
  std::string_view rest = without_byte_order_mark(content);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    found.lines.push_back(rest.substr(0, end));
    rest.remove_prefix(end);
    if (rest.starts_with("\r\n")) {
      rest.remove_prefix(2);
    } else if (!rest.empty()) {
      if (rest.front() == '\r') found.lone_returns.push_back(std::ssize(found.lines));
      rest.remove_prefix(1);
    }
  }
  return found;
}

}  // namespace layersweep::data
