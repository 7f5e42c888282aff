// What this rank wrote to one variable, so that it can be compared with what the file gives back.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "store/hdf5.hpp"
#include "store/slab.hpp"

namespace layersweep::store {

class WrittenSlabs {
 public:
  /// Throws InternalError when the slab partly overlaps one that was written before; the same slab may come again.
  void check_disjoint(const Slab& slab) const;
  void add(const Slab& slab, std::span<const std::byte> bytes);
  bool empty() const { return entries_.empty(); }

  /// Reads every slab from the data set; the first whose bytes differ, if any. Throws Hdf5Error.
  std::optional<Slab> first_difference(hid_t dataset, Type type) const;

 private:
  struct Entry {
    Slab slab;
    std::string sha256;
  };
  std::vector<Entry> entries_;
};

}  // namespace layersweep::store
