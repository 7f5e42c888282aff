#include "base/files.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "base/descriptor.hpp"
#include "base/environment.hpp"
#include "base/error.hpp"

namespace layersweep::base {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

[[noreturn]] void throw_write_error(const std::filesystem::path& file, int error_number) {
  std::string_view hint;
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      hint = "Free some space there or write to another folder";
      break;
    case EFBIG:
      hint = "Raise the file size limit (ulimit -f)";
      break;
    case ENOENT:
    case ENOTDIR:
      hint = "Make its folder first";
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      hint = "Write to a folder that you may write to";
      break;
    default:
      break;
  }
  throw InputError(fmt::format("cannot write {}", file.string()), errno_text(error_number), hint);
}

// A file beside `target`, removed again unless it was renamed into place.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) : target_(target), descriptor_(create()) {}
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      // The kernel takes at most 2 GiB at a time; smaller blocks also keep a signal from waiting long.
      const std::size_t block = std::min<std::size_t>(bytes.size(), std::size_t{64} << 20);
      const ssize_t written = ::write(descriptor_.number(), bytes.data(), block);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) throw_write_error(target_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void move_into_place() {
    if (::fsync(descriptor_.number()) != 0) throw_write_error(target_, errno);
    if (!descriptor_.close()) throw_write_error(target_, errno);
    if (::rename(path_.c_str(), target_.c_str()) != 0) throw_write_error(target_, errno);
    path_.clear();
  }

 private:
  Descriptor create() {
    static std::atomic<unsigned> counter = 0;
    for (;;) {
      // Host and process in the name: ranks on several nodes may write the same file at once.
      path_ = folder_of(target_) /
              fmt::format(".{}.{}.{}.{}.tmp", target_.filename().string(), host_name(), ::getpid(), counter.fetch_add(1));
      Descriptor file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (file.number() >= 0) return file;
      if (errno == EEXIST) continue;  // left by an earlier process of the same number
      const int error_number = errno;
      path_.clear();
      throw_write_error(target_, error_number);
    }
  }

  std::filesystem::path target_;
  std::filesystem::path path_;
  Descriptor descriptor_;  // after path_: create() sets it
};

}  // namespace

std::string read_text_file(const std::filesystem::path& file) {
  const Descriptor in = open_for_reading(file);
  std::string text;
  std::array<char, 1 << 16> block;
  for (;;) {
    const ssize_t count = ::read(in.number(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw InputError(fmt::format("cannot read {}", file.string()), errno_text(errno));
    if (count == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(count));
  }
}

void write_file_atomically(const std::filesystem::path& file, std::span<const std::span<const std::byte>> parts) {
  TemporaryFile temporary(file);
  for (const auto part : parts) temporary.write(part);
  temporary.move_into_place();
  sync_folder(folder_of(file));
}

void write_file_atomically(const std::filesystem::path& file, std::string_view text) {
  const std::span<const std::byte> part = std::as_bytes(std::span(text.data(), text.size()));
  write_file_atomically(file, std::span(&part, 1));
}

void sync_folder(const std::filesystem::path& folder) {
  const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number() < 0) throw_write_error(folder, errno);
  // Some network file systems cannot sync a folder and say so with EINVAL; nothing more can be done there.
  if (::fsync(opened.number()) != 0 && errno != EINVAL) throw_write_error(folder, errno);
}

}  // namespace layersweep::base
