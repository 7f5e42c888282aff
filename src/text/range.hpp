#pragma once

#include <cstddef>

namespace layersweep::text {

/// Characters of a text.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

}  // namespace layersweep::text
