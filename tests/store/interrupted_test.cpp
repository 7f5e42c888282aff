// Writing that does not come to its end, in one process: the old file stays, and what is left is not accepted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "base/error.hpp"
#include "sample.hpp"
#include "store/file_access.hpp"
#include "store/results_file.hpp"
#include "store/validate.hpp"
#include "store/written_slabs.hpp"
#include "support/files.hpp"

namespace layersweep {
namespace {

using store::ResultsFile;
using store::ResultsWriter;

class Interrupted : public testing::Test {
 protected:
  Interrupted() { test::write_sample(comm::Communicator(), path_); }

  void expect_old_file() const {
    EXPECT_EQ(ResultsFile::open(path_).size("example"), 7);
    EXPECT_TRUE(store::validate(path_).empty());
  }

  // The message with which writing a larger sample over the old file fails.
  std::string failure() const {
    try {
      test::write_sample(comm::Communicator(), path_, {5000, 3});
    } catch (const base::InputError& error) {
      return error.what();
    }
    ADD_FAILURE() << "the sample was written";
    return "";
  }

  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "results.h5";
  std::filesystem::path part_ = folder_.path() / "results.h5.part";
};

TEST_F(Interrupted, KilledInTheMiddle) {
  const pid_t child = fork();
  if (child == 0) {
    ResultsWriter writer(comm::Communicator(), path_, test::sample_contents({5000, 3}), test::sample_provenance());
    test::fill_sample(writer, comm::Communicator(), {5000, 3});
    std::raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  ASSERT_TRUE(std::filesystem::exists(part_));
  EXPECT_THROW(ResultsFile::open(part_), base::InputError);
  EXPECT_FALSE(store::validate(part_).empty());
  std::filesystem::copy_file(part_, folder_.path() / "renamed.h5");
  EXPECT_THROW(ResultsFile::open(folder_.path() / "renamed.h5"), base::InputError);
  expect_old_file();
  test::write_sample(comm::Communicator(), path_);  // the next attempt is not in the way of the last
  expect_old_file();
  EXPECT_FALSE(std::filesystem::exists(part_));
}

TEST_F(Interrupted, FullDisk) {
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t bytes : {0, 5'000, 100'000, 200'000}) {
    const rlimit limit{bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = failure();
    setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_THAT(message, testing::AllOf(testing::HasSubstr(part_.string()), testing::HasSubstr("File too large"),
                                        testing::HasSubstr("make room")));
    EXPECT_FALSE(std::filesystem::exists(part_));
    expect_old_file();
  }
  std::signal(SIGXFSZ, old_action);
}

TEST_F(Interrupted, ReadOnlyFolder) {
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0555));
  const uid_t user = geteuid();
  constexpr uid_t nobody = 65534;
  if (user == 0) {
    ASSERT_EQ(seteuid(nobody), 0);  // root may write everywhere
  }
  const std::string message = failure();
  ASSERT_EQ(seteuid(user), 0);
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  EXPECT_THAT(message, testing::AllOf(testing::HasSubstr(part_.string()), testing::HasSubstr("Permission denied")));
  expect_old_file();
}

// The comparison that finish() makes notices a cell that is not what was written.
TEST_F(Interrupted, ChangedCellsAreNoticed) {
  const std::vector<std::int32_t> labels = ResultsFile::open(path_).read<std::int32_t>("label");
  const auto bytes = std::as_bytes(std::span(labels));
  store::WrittenSlabs written;
  written.add({{0}, {3}}, bytes.first(12));
  written.add({{3}, {4}}, bytes.subspan(12));
  const store::Handle file = store::open_file(path_, store::OpenFor::marking);
  const store::Handle dataset = store::open_dataset(file.id(), "/label");
  EXPECT_EQ(written.first_difference(dataset.id(), store::Type::int32), std::nullopt);

  std::vector<std::int32_t> other = labels;
  other[5] ^= 1;
  store::check(H5Dwrite(dataset.id(), H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, other.data()), "write");
  EXPECT_EQ(written.first_difference(dataset.id(), store::Type::int32), (store::Slab{{3}, {4}}));
}

}  // namespace
}  // namespace layersweep
