#include "base/mapped_file.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>

#include "base/descriptor.hpp"
#include "base/error.hpp"

namespace layersweep::base {

MappedFile::MappedFile(const std::filesystem::path& file) {
  const Descriptor in = open_for_reading(file);
  struct stat status {};
  if (fstat(in.number(), &status) != 0) throw InputError(fmt::format("cannot read {}", file.string()), errno_text(errno));
  const std::size_t size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;  // an empty mapping is an error for mmap, but not for us
  void* start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, in.number(), 0);
  if (start == MAP_FAILED) throw InputError(fmt::format("cannot map {}", file.string()), errno_text(errno));
  bytes_ = {static_cast<const std::byte*>(start), size};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void release_pages(std::span<const std::byte> mapped) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto start = reinterpret_cast<std::uintptr_t>(mapped.data());
  const std::uintptr_t first = (start + page - 1) / page * page, end = (start + mapped.size()) / page * page;
  // Advice that is not taken costs memory only.
  if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
}

}  // namespace layersweep::base
