#include "store/written_slabs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "store/slab_io.hpp"

namespace layersweep::store {
namespace {

std::string hash_of(std::span<const std::byte> bytes) {
  base::Sha256 hash;
  hash.add(bytes);
  return hash.hex();
}

}  // namespace

void WrittenSlabs::check_disjoint(const Slab& slab) const {
  for (const Entry& entry : entries_) {
    base::ensure(entry.slab == slab || !entry.slab.overlaps(slab),
                 fmt::format("the slab {} overlaps {}, which was written before", slab.text(), entry.slab.text()));
  }
}

void WrittenSlabs::add(const Slab& slab, std::span<const std::byte> bytes) {
  if (slab.cells() == 0) return;
  const auto found = std::ranges::find(entries_, slab, &Entry::slab);
  if (found != entries_.end()) {
    found->sha256 = hash_of(bytes);
  } else {
    entries_.push_back({slab, hash_of(bytes)});
  }
}

std::optional<Slab> WrittenSlabs::first_difference(hid_t dataset, Type type) const {
  for (const Entry& entry : entries_) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(entry.slab.cells()) * type_bytes(type));
    read_slab(dataset, type, entry.slab, bytes);
    if (hash_of(bytes) != entry.sha256) return entry.slab;
  }
  return std::nullopt;
}

}  // namespace layersweep::store
