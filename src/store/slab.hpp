// A rectangular part of a variable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace layersweep::store {

/// `count[i]` cells from `start[i]` on along dimension i. Default-made, or with a count of 0: nothing.
struct Slab {
  std::vector<std::int64_t> start;
  std::vector<std::int64_t> count;

  bool operator==(const Slab&) const = default;
  std::int64_t cells() const;  ///< 0 when default-made
  bool overlaps(const Slab& other) const;
  /// Has as many dimensions as the shape, and no cell outside it.
  bool lies_in(const std::vector<std::int64_t>& shape) const;
  std::string text() const;  ///< "[0+1, 3+5]" for messages
};

/// All cells of a variable of this shape.
Slab whole(const std::vector<std::int64_t>& shape);

/// The slab as consecutive parts of at most `max_cells` each (one cell at least): the cells of the parts, one after
/// another, are the cells of the slab in row-major order. Nothing for an empty slab.
std::vector<Slab> pieces(const Slab& slab, std::int64_t max_cells);

}  // namespace layersweep::store
