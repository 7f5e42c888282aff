// Who may have a run folder, also where the kernel's lock says nothing. Files of one rank.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/error.hpp"
#include "base/files.hpp"
#include "support/files.hpp"
#include "sweep/folder_lock.hpp"

namespace layersweep {
namespace {

using sweep::FolderLock;

constexpr double beat_s = 0.4;  // long beside a pause of a busy machine

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

class Lock : public testing::Test {
 protected:
  // What an owner of another machine wrote.
  void write_foreign_record(int beat) const {
    std::string text = "process 12 on elsewhere, job 77 restart 1 since then\nother-machine 0123 77@cluster 1 " +
                       std::to_string(beat) + "\n";
    text.resize(512, ' ');
    std::ofstream(file_) << text;
  }
  void expect_refused(const std::string& owner) const {
    EXPECT_THAT([&] { const FolderLock lock(file_, beat_s); },
                testing::ThrowsMessage<base::InputError>(
                    testing::AllOf(testing::HasSubstr("is in use"), testing::HasSubstr(owner))));
  }

  test::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "lock";
};

TEST_F(Lock, OneOwnerAtATime) {
  {
    const FolderLock lock(file_, beat_s);
    expect_refused("process " + std::to_string(getpid()));
    std::this_thread::sleep_for(std::chrono::milliseconds(900));  // it beats
    expect_refused("process " + std::to_string(getpid()));
  }
  EXPECT_THAT(base::read_text_file(file_), testing::HasSubstr("\nreleased"));
  const FolderLock again(file_, beat_s);
}

TEST_F(Lock, AnOwnerElsewhereThatBeatsIsRespectedAndASilentOneIsTakenOver) {
  write_foreign_record(0);
  std::atomic<bool> ends = false;
  std::thread owner([&] {
    for (int beat = 1; !ends; ++beat) {
      write_foreign_record(beat);
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  });
  expect_refused("process 12 on elsewhere");
  ends = true;
  owner.join();
  const FolderLock lock(file_, beat_s);
  EXPECT_THAT(base::read_text_file(file_), testing::StartsWith("process " + std::to_string(getpid())));
}

TEST_F(Lock, AnEarlierStartOfTheSameSlurmJobIsTakenOverAtOnce) {
  const Variable job("SLURM_JOB_ID", "77");
  const auto seconds_to_take = [&] {
    const auto start = std::chrono::steady_clock::now();
    const FolderLock lock(file_, 5);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  write_foreign_record(0);
  {
    const Variable restarts("SLURM_RESTART_COUNT", "2");
    EXPECT_LT(seconds_to_take(), 1);
    // Also when the kernel still holds the lock for a process that Slurm ended long ago.
    write_foreign_record(0);
    const int held = ::open(file_.c_str(), O_RDWR);
    ASSERT_EQ(::flock(held, LOCK_EX | LOCK_NB), 0);
    EXPECT_LT(seconds_to_take(), 1);
    ::close(held);
  }
  // The same start is another process of the job, which may live.
  write_foreign_record(0);
  const Variable restarts("SLURM_RESTART_COUNT", "1");
  const int held = ::open(file_.c_str(), O_RDWR);
  ASSERT_EQ(::flock(held, LOCK_EX | LOCK_NB), 0);
  expect_refused("process 12 on elsewhere");
  ::close(held);
}

TEST_F(Lock, AnOwnerThatDiedHereIsTakenOverAtOnce) {
  const pid_t child = ::fork();
  if (child == 0) {
    const FolderLock lock(file_, 60);
    ::_exit(0);  // without its destructor
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_THAT(base::read_text_file(file_), testing::StartsWith("process " + std::to_string(child)));
  const auto start = std::chrono::steady_clock::now();
  const FolderLock lock(file_, 60);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace layersweep
