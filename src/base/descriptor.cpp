#include "base/descriptor.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "base/error.hpp"

namespace layersweep::base {

bool Descriptor::close() {
  const int number = std::exchange(number_, -1);
  // Not repeated on EINTR: on Linux the descriptor is gone even then.
  return number < 0 || ::close(number) == 0 || errno == EINTR;
}

Descriptor open_for_reading(const std::filesystem::path& file) {
  // Non-blocking, so that a pipe without a writer is refused below instead of waited for; regular files ignore it.
  Descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (in.number() < 0) throw InputError(fmt::format("cannot read {}", file.string()), errno_text(errno));
  struct stat status {};
  if (fstat(in.number(), &status) != 0) throw InputError(fmt::format("cannot read {}", file.string()), errno_text(errno));
  if (!S_ISREG(status.st_mode)) {
    throw InputError(fmt::format("cannot read {}", file.string()), "it is not a regular file");
  }
  return in;
}

}  // namespace layersweep::base
