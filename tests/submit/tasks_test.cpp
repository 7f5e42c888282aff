// What an array job runs where.
#include "submit/tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "support/files.hpp"

namespace layersweep::submit {
namespace {

using testing::ElementsAre;

class Tasks : public testing::Test {
 protected:
  std::string experiment(const std::string& name, const std::string& more = {}) {
    const auto file = folder_.path() / (name + ".ini");
    std::ofstream(file) << "[task]\nname = counting\n" << more;
    return file.string();
  }
  static std::vector<Task> tasks(const std::vector<std::string>& files, const std::vector<std::string>& overrides,
                                 ArrayOver over = ArrayOver::experiments) {
    return tasks_of(files, overrides, over, "/here");
  }
  test::TemporaryFolder folder_;
};

TEST_F(Tasks, OneExperimentIsOneTask) {
  const auto one = tasks({experiment("a")}, {"run.threads=3", "probe.epsilon=0.5"});
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].run_folder, "/here/runs/a");
  EXPECT_THAT(one[0].overrides, ElementsAre("run.threads=3", "probe.epsilon=0.5"));
  EXPECT_EQ(one[0].threads, 3);
  EXPECT_EQ(log_folder(one), "/here/runs/a");
}

TEST_F(Tasks, SeedsGetARunFolderEach) {
  const auto seeds = tasks({experiment("a")}, {"probe.seeds=3,5", "run.folder=/data/my run/"}, ArrayOver::seeds);
  ASSERT_EQ(seeds.size(), 2U);
  EXPECT_EQ(seeds[1].run_folder, "/data/my run/probe.seeds=5");
  EXPECT_EQ(seeds[1].overrides.back(), "run.folder=/data/my run/probe.seeds=5");
  EXPECT_THAT(seeds[0].overrides, testing::Contains("probe.seeds=3"));
  EXPECT_EQ(log_folder(seeds), "/data/my run");
}

TEST_F(Tasks, ExperimentsKeepTheirFolders) {
  const auto two = tasks({experiment("a"), experiment("b", "[run]\nfolder = /here/other/../runs/c/\n")}, {});
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[1].run_folder, "/here/runs/c");
  EXPECT_EQ(log_folder(two), "/here/runs");
}

TEST_F(Tasks, ThatShareARunFolderAreRefused) {
  EXPECT_THROW(tasks({experiment("a"), experiment("b")}, {"run.folder=same"}), base::UsageError);
}

TEST_F(Tasks, WrongSettingsAreToldBeforeAnythingIsSubmitted) {
  EXPECT_THROW(tasks({experiment("a")}, {"probe.epsilonn=1"}), base::UsageError);
  EXPECT_THROW(tasks({"/no/where.ini"}, {}), base::InputError);
}

TEST_F(Tasks, WithNothingInCommonLogBesideTheFirst) {
  const auto apart = tasks({experiment("a", "[run]\nfolder = /one/a\n"), experiment("b", "[run]\nfolder = /two/b\n")}, {});
  EXPECT_EQ(log_folder(apart), "/one");
}

}  // namespace
}  // namespace layersweep::submit
