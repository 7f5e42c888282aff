#include "base/mapped_file.hpp"

#include <sys/mman.h>
#include <sys/stat.h>

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

}  // namespace layersweep::base
