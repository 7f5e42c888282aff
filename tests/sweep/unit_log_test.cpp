#include "sweep/unit_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "support/files.hpp"

namespace layersweep::sweep {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::MatchesRegex;

const std::string time_pattern = "[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+Z";

std::vector<std::string> lines_of(const fs::path& folder) {
  std::ifstream stream(UnitLog::file_in(folder));
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST(UnitLog, HostsAreRangesOfRanks) {
  const std::vector<std::string> hosts{"a", "a", "a", "b", "b", "c"};
  EXPECT_EQ(hosts_text(0, 6, hosts), "ranks 0 to 2 on a, ranks 3 to 4 on b, rank 5 on c");
  EXPECT_EQ(hosts_text(2, 2, hosts), "rank 2 on a, rank 3 on b");
}

TEST(UnitLog, TellsOfAllStarts) {
  const test::TemporaryFolder folder;
  const fs::path unit = folder.path() / "units" / "hidden-0";
  ::unsetenv("SLURM_JOB_ID");
  UnitLog(unit).start("rank 0 on here", "layersweep 1");
  ::setenv("SLURM_JOB_ID", "12", 1);
  ::setenv("SLURM_RESTART_COUNT", "1", 1);
  UnitLog again(unit);
  again.start("rank 1 on n1, rank 2 on n2", "layersweep 1");
  again.line("goes on\nafter step 3");
  const auto lines = lines_of(unit);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], MatchesRegex("== " + time_pattern + "  start, process [0-9]+: rank 0 on here; layersweep 1"));
  EXPECT_THAT(lines[1],
              MatchesRegex("== " + time_pattern + "  start 2 of Slurm job 12: rank 1 on n1, rank 2 on n2; layersweep 1"));
  EXPECT_THAT(lines[2], MatchesRegex(time_pattern + "  goes on after step 3"));
}

// Ten reports within ten seconds make two lines: the first and the last.
TEST(UnitLog, HoldsProgressNowAndThen) {
  const test::TemporaryFolder folder;
  UnitLog log(folder.path());
  for (int step = 1; step <= 10; ++step) log.progress({step, 10, 100, 1, 2, {0.25, 0.75}, {0.5, 0.5}, {1, 1}});
  const auto lines = lines_of(folder.path());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("  step 1/10, 100 pairs/s, 2 s left; KL 0.500, kept 0.50"));
  EXPECT_THAT(lines[1], HasSubstr("  step 10/10"));
}

TEST(UnitLog, ThatCannotBeWrittenIsAWarning) {
  const test::TemporaryFolder folder;
  fs::create_symlink("/dev/full", UnitLog::file_in(folder.path()));
  testing::internal::CaptureStderr();
  UnitLog log(folder.path());
  log.line("one");
  log.line("two");
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_THAT(told, HasSubstr("No space left on device; the training goes on without a log"));
  EXPECT_EQ(told.find("warning"), told.rfind("warning")) << told;
  std::ofstream(folder.path() / "file") << "in the way";
  testing::internal::CaptureStderr();
  UnitLog(folder.path() / "file").line("three");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("goes on without a log"));
}

}  // namespace
}  // namespace layersweep::sweep
