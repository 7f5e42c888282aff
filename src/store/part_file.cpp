#include "store/part_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/files.hpp"

namespace layersweep::store {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view action, int error_number) {
  throw base::InputError(fmt::format("cannot {} {}", action, path.string()), base::errno_text(error_number),
                         "Look at the folder, its permissions and the free space, then run the same command again");
}

void open_and_close(const std::filesystem::path& part, int flags, bool sync, std::string_view action) {
  const int descriptor = ::open(part.c_str(), flags | O_CLOEXEC, 0666);
  if (descriptor < 0) fail(part, action, errno);
  const int error_number = sync && ::fsync(descriptor) != 0 ? errno : 0;
  if (::close(descriptor) != 0 && error_number == 0) fail(part, action, errno);
  if (error_number != 0) fail(part, action, error_number);
}

}  // namespace

std::filesystem::path part_path(const std::filesystem::path& path) { return path.string() + ".part"; }

void make_part_file(const std::filesystem::path& path) {
  open_and_close(part_path(path), O_CREAT | O_TRUNC | O_WRONLY, false, "create");
}

void sync_part_file(const std::filesystem::path& path) { open_and_close(part_path(path), O_RDWR, true, "sync"); }

void publish_part_file(const std::filesystem::path& path) {
  if (::rename(part_path(path).c_str(), path.c_str()) != 0) fail(path, "rename the finished file to", errno);
  base::sync_folder(std::filesystem::absolute(path).parent_path());
}

void remove_part_file(const std::filesystem::path& path) noexcept {
  std::error_code ignored;
  std::filesystem::remove(part_path(path), ignored);
}

}  // namespace layersweep::store
