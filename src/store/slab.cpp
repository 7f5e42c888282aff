#include "store/slab.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace layersweep::store {

std::int64_t Slab::cells() const {
  if (count.empty()) return 0;
  std::int64_t cells = 1;
  for (const std::int64_t n : count) cells *= n;
  return cells;
}

bool Slab::overlaps(const Slab& other) const {
  if (cells() == 0 || other.cells() == 0) return false;
  for (std::size_t i = 0; i < start.size(); ++i) {
    if (start[i] >= other.start[i] + other.count[i] || other.start[i] >= start[i] + count[i]) return false;
  }
  return true;
}

bool Slab::lies_in(const std::vector<std::int64_t>& shape) const {
  if (start.size() != shape.size() || count.size() != shape.size()) return false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (start[i] < 0 || count[i] < 0 || start[i] + count[i] > shape[i]) return false;
  }
  return true;
}

std::string Slab::text() const {
  std::string text;
  for (std::size_t i = 0; i < start.size(); ++i) text += fmt::format("{}{}+{}", i == 0 ? "" : ", ", start[i], count[i]);
  return fmt::format("[{}]", text);
}

Slab whole(const std::vector<std::int64_t>& shape) { return {std::vector<std::int64_t>(shape.size(), 0), shape}; }

std::vector<Slab> pieces(const Slab& slab, std::int64_t max_cells) {
  if (slab.cells() == 0) return {};
  // Halving the first dimension that can be halved keeps each part consecutive in row-major order.
  const auto axis = std::ranges::find_if(slab.count, [](std::int64_t n) { return n > 1; }) - slab.count.begin();
  if (slab.cells() <= max_cells || axis == std::ssize(slab.count)) return {slab};
  Slab first = slab;
  Slab second = slab;
  first.count[axis] = slab.count[axis] / 2;
  second.start[axis] += first.count[axis];
  second.count[axis] -= first.count[axis];
  std::vector<Slab> all = pieces(first, max_cells);
  std::ranges::move(pieces(second, max_cells), std::back_inserter(all));
  return all;
}

}  // namespace layersweep::store
