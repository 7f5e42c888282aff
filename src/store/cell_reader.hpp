// The cells of a variable, a part at a time, for rules that read all of a file.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "store/file_access.hpp"
#include "store/schema.hpp"
#include "store/slab_io.hpp"

namespace layersweep::store {

/// Calls function(cells) for consecutive parts, so that no variable needs to fit in memory. Throws Hdf5Error.
template <Cell T, class Function>
void for_each_part(hid_t file, const std::string& path, Function&& function) {
  const Handle dataset = open_dataset(file, path);
  for (const Slab& part : pieces(whole(shape_of(dataset.id())), max_bytes_per_call / sizeof(T))) {
    std::vector<T> cells(static_cast<std::size_t>(part.cells()));
    read_slab(dataset.id(), type_of<T>(), part, std::as_writable_bytes(std::span(cells)));
    function(std::span<const T>(cells));
  }
}

/// All of a variable over examples, points or less.
template <Cell T>
std::vector<T> read_all(hid_t file, const std::string& path) {
  std::vector<T> all;
  for_each_part<T>(file, path, [&](std::span<const T> cells) { all.insert(all.end(), cells.begin(), cells.end()); });
  return all;
}

}  // namespace layersweep::store
