#include "base/files.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "base/mapped_file.hpp"
#include "support/files.hpp"

namespace layersweep::base {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::size_t entries(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

// While it lives no file can grow beyond the limit: a disk that is full, without needing one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(WriteFileAtomically, WritesAllPartsInOrderAndNothingElse) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "file";
  const std::string first("one\0two", 7), second, third(3'000'000, 'x');
  const std::array parts{std::as_bytes(std::span(first)), std::as_bytes(std::span(second)), std::as_bytes(std::span(third))};
  write_file_atomically(file, parts);
  EXPECT_EQ(read_text_file(file), first + third);
  write_file_atomically(file, "short");
  EXPECT_EQ(read_text_file(file), "short");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(WriteFileAtomically, FollowsTheUsersMask) {
  const test::TemporaryFolder folder;
  const mode_t before = umask(027);
  write_file_atomically(folder.path() / "file", "x");
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat((folder.path() / "file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640U);
}

TEST(WriteFileAtomically, KeepsTheOldFileWhenTheNewDoesNotFit) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "file";
  write_file_atomically(file, "old");
  {
    const FileSizeLimit limit(1000);
    EXPECT_THAT([&] { write_file_atomically(file, std::string(2000, 'x')); },
                ThrowsMessage<InputError>(AllOf(HasSubstr(file.string()), HasSubstr("large"))));
  }
  EXPECT_EQ(read_text_file(file), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(WriteFileAtomically, RefusesPlacesThatCannotBeWritten) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder.path() / "file", "x");
  std::filesystem::create_directory(folder.path() / "taken");
  write_file_atomically(folder.path() / "taken" / "inside", "x");
  EXPECT_THAT([&] { write_file_atomically(folder.path() / "missing" / "file", "x"); },
              ThrowsMessage<InputError>(AllOf(HasSubstr("missing/file"), HasSubstr("Make its folder first"))));
  EXPECT_THROW(write_file_atomically(folder.path() / "file" / "below", "x"), InputError);
  EXPECT_THROW(write_file_atomically(folder.path() / "taken", "x"), InputError);
  EXPECT_EQ(entries(folder.path()), 2U);
  if (geteuid() != 0) {  // root may write anywhere
    std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
    EXPECT_THROW(write_file_atomically(folder.path() / "other", "x"), InputError);
    std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_all);
  }
}

TEST(WriteFileAtomically, ReadersAlwaysSeeOneWholeFile) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "file";
  write_file_atomically(file, std::string(100'000, 'a'));
  std::vector<std::jthread> writers;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    writers.emplace_back([&, letter] {
      for (int round = 0; round < 10; ++round) write_file_atomically(file, std::string(100'000, letter));
    });
  }
  for (int round = 0; round < 50; ++round) {
    const std::string seen = read_text_file(file);
    ASSERT_EQ(seen, std::string(100'000, seen.at(0)));
  }
  writers.clear();
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(ReadTextFile, RefusesWhatIsNoReadableFile) {
  const test::TemporaryFolder folder;
  EXPECT_THAT([&] { read_text_file(folder.path() / "missing"); }, ThrowsMessage<InputError>(HasSubstr("missing")));
  EXPECT_THAT([&] { read_text_file(folder.path()); }, ThrowsMessage<InputError>(HasSubstr("not a regular file")));
  ASSERT_EQ(mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  EXPECT_THROW(read_text_file(folder.path() / "pipe"), InputError);  // and does not wait for a writer
}

TEST(MappedFile, ShowsTheBytesOfTheFile) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder.path() / "file", "abc");
  write_file_atomically(folder.path() / "empty", "");
  const MappedFile mapped(folder.path() / "file");
  ASSERT_EQ(mapped.bytes().size(), 3U);
  EXPECT_EQ(std::memcmp(mapped.bytes().data(), "abc", 3), 0);
  EXPECT_TRUE(MappedFile(folder.path() / "empty").bytes().empty());
  EXPECT_THROW(MappedFile(folder.path() / "missing"), InputError);
  EXPECT_THROW(MappedFile(folder.path()), InputError);
}

TEST(MappedFile, KeepsItsContentWhenTheFileIsReplaced) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder.path() / "file", "abc");
  const MappedFile mapped(folder.path() / "file");
  write_file_atomically(folder.path() / "file", "x");
  EXPECT_EQ(std::memcmp(mapped.bytes().data(), "abc", 3), 0);
}

// Pages of files that this process has in memory.
std::int64_t resident_file_pages() {
  std::ifstream stream("/proc/self/statm");
  std::int64_t size = 0, resident = 0, shared = 0;
  stream >> size >> resident >> shared;
  return shared;
}

TEST(MappedFile, ReleasedPagesLeaveMemoryAndCanBeReadAgain) {
  constexpr std::size_t size = 8 << 20;
  const test::TemporaryFolder folder;
  std::string content(size, 'a');
  for (std::size_t i = 0; i < size; i += 1000) content[i] = static_cast<char>('b' + i % 13);
  write_file_atomically(folder.path() / "file", content);
  const MappedFile mapped(folder.path() / "file");
  const auto same = [&] { return std::memcmp(mapped.bytes().data(), content.data(), size) == 0; };
  EXPECT_TRUE(same());
  const std::int64_t before = resident_file_pages();
  release_pages(mapped.bytes().subspan(100, size - 200));  // part of a page stays
  EXPECT_LT(resident_file_pages(), before - static_cast<std::int64_t>(size / sysconf(_SC_PAGESIZE)) * 3 / 4);
  EXPECT_TRUE(same());
  release_pages(mapped.bytes().first(0));
  release_pages(mapped.bytes().first(10));
  EXPECT_TRUE(same());
}

}  // namespace
}  // namespace layersweep::base
