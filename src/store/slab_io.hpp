// Moving the cells of one slab between memory and a data set.
#pragma once

#include <cstddef>
#include <span>

#include "store/hdf5.hpp"
#include "store/slab.hpp"

namespace layersweep::store {

/// What one call moves at most: MPI-IO counts bytes in 32 bits, and memory for re-reading stays small.
inline constexpr std::int64_t max_bytes_per_call = 64 << 20;

/// `bytes` holds the cells of `slab` in row-major order; an empty slab takes part without cells. Collective when
/// `transfer` says so.
void write_slab(hid_t dataset, Type type, const Slab& slab, std::span<const std::byte> bytes, hid_t transfer);
void read_slab(hid_t dataset, Type type, const Slab& slab, std::span<std::byte> bytes);

}  // namespace layersweep::store
