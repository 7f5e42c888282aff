#include "store/slab_io.hpp"

#include <vector>

#include "base/error.hpp"

namespace layersweep::store {
namespace {

struct Selection {
  Handle file;
  Handle memory;
};

Selection select(hid_t dataset, const Slab& slab) {
  const bool empty = slab.cells() == 0;
  const hsize_t cells = empty ? 1 : static_cast<hsize_t>(slab.cells());
  Selection selection{{H5Dget_space(dataset), H5Sclose, "read the space of a variable"},
                      {H5Screate_simple(1, &cells, nullptr), H5Sclose, "make a space in memory"}};
  if (empty) {
    check(H5Sselect_none(selection.file.id()), "select nothing");
    check(H5Sselect_none(selection.memory.id()), "select nothing");
  } else {
    const auto rank = static_cast<std::size_t>(H5Sget_simple_extent_ndims(selection.file.id()));
    base::ensure(slab.start.size() == rank && slab.count.size() == rank, "a slab of another rank than its variable");
    const std::vector<hsize_t> start(slab.start.begin(), slab.start.end());
    const std::vector<hsize_t> count(slab.count.begin(), slab.count.end());
    check(H5Sselect_hyperslab(selection.file.id(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr),
          "select a slab");
  }
  return selection;
}

void ensure_size(Type type, const Slab& slab, std::size_t bytes) {
  base::ensure(bytes == static_cast<std::size_t>(slab.cells()) * type_bytes(type), "a slab and its cells differ in size");
}

}  // namespace

void write_slab(hid_t dataset, Type type, const Slab& slab, std::span<const std::byte> bytes, hid_t transfer) {
  ensure_size(type, slab, bytes.size());
  const Selection selection = select(dataset, slab);
  const std::byte nothing[8] = {};  // some MPI-IO layers refuse a null pointer even for no bytes
  check(H5Dwrite(dataset, memory_type(type).id(), selection.memory.id(), selection.file.id(), transfer,
                 bytes.empty() ? nothing : bytes.data()),
        "write cells");
}

void read_slab(hid_t dataset, Type type, const Slab& slab, std::span<std::byte> bytes) {
  ensure_size(type, slab, bytes.size());
  if (slab.cells() == 0) return;
  const Selection selection = select(dataset, slab);
  check(H5Dread(dataset, memory_type(type).id(), selection.memory.id(), selection.file.id(), H5P_DEFAULT, bytes.data()),
        "read cells");
}

}  // namespace layersweep::store
