#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "device/control_group.hpp"
#include "support/files.hpp"

namespace layersweep::device {
namespace {

using std::filesystem::path;

void write(const path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

TEST(ControlGroup, VersionTwoClimbsToTheRoot) {
  const auto folders = control_group_folders("0::/job/step\n", "cpu", "/m");
  EXPECT_EQ(folders, (std::vector<path>{"/m/job/step", "/m/job", "/m/"}));
}

TEST(ControlGroup, VersionOneUsesTheControllersMount) {
  const auto folders = control_group_folders("5:cpuset:/a\n4:cpu,cpuacct:/b\n3:memory:/c\n", "cpu", "/m");
  EXPECT_EQ(folders, (std::vector<path>{"/m/cpu,cpuacct/b", "/m/cpu,cpuacct/"}));
}

TEST(ControlGroup, TheTightestLevelCounts) {
  const test::TemporaryFolder mount;
  write(mount.path() / "job/cpu.max", "250000 100000\n");
  write(mount.path() / "job/step/cpu.max", "max 100000\n");
  write(mount.path() / "job/memory.max", "1073741824\n");
  write(mount.path() / "job/step/memory.max", "max\n");
  const auto folders = control_group_folders("0::/job/step\n", "cpu", mount.path());
  EXPECT_EQ(smallest_processor_quota(folders), 2.5);
  EXPECT_EQ(smallest_memory_limit(folders), 1073741824.0);
}

TEST(ControlGroup, VersionOneFilesAreRead) {
  const test::TemporaryFolder mount;
  write(mount.path() / "cpu/j/cpu.cfs_quota_us", "400000\n");
  write(mount.path() / "cpu/j/cpu.cfs_period_us", "100000\n");
  write(mount.path() / "cpu/cpu.cfs_quota_us", "-1\n");
  write(mount.path() / "cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(smallest_processor_quota(control_group_folders("2:cpu:/j\n", "cpu", mount.path())), 4.0);
}

TEST(ControlGroup, NoLimitIsInfinite) {
  const test::TemporaryFolder mount;
  const auto folders = control_group_folders("0::/\n", "cpu", mount.path());
  EXPECT_TRUE(std::isinf(smallest_processor_quota(folders)));
  EXPECT_TRUE(std::isinf(smallest_memory_limit(folders)));
}

}  // namespace
}  // namespace layersweep::device
