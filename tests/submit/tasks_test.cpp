// What an array job runs where.
#include "submit/tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.hpp"
#include "config/sweep.hpp"
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
  static std::vector<ArrayTask> tasks(const std::vector<std::string>& files, const std::vector<std::string>& overrides,
                                      SplitSeeds split = SplitSeeds::no, const std::vector<std::string>& sweeps = {}) {
    return tasks_of(files, overrides, sweeps, split, "/here");
  }
  test::TemporaryFolder folder_;
};

TEST_F(Tasks, OneExperimentIsOneTask) {
  const auto one = tasks({experiment("a")}, {"run.threads=3", "probe.epsilon=0.5"});
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].run_folder, "/here/runs/a");
  EXPECT_THAT(one[0].arguments, ElementsAre("--set", "run.threads=3", "--set", "probe.epsilon=0.5"));
  EXPECT_EQ(one[0].threads, 3);
  EXPECT_EQ(log_folder(one), "/here/runs/a");
}

TEST_F(Tasks, SeedsGetARunFolderEach) {
  const auto seeds = tasks({experiment("a")}, {"probe.seeds=3,5", "run.folder=/data/my run/"}, SplitSeeds::yes);
  ASSERT_EQ(seeds.size(), 2U);
  EXPECT_EQ(seeds[1].run_folder, "/data/my run/probe.seeds=5");
  EXPECT_EQ(seeds[1].arguments.back(), "run.folder=/data/my run/probe.seeds=5");
  EXPECT_THAT(seeds[0].arguments, testing::Contains("probe.seeds=3"));
  EXPECT_EQ(log_folder(seeds), "/data/my run");
}

// The task's own words describe exactly one run, the one in its folder.
void expect_one_run(const ArrayTask& task) {
  std::vector<std::string> overrides, sweeps;
  for (std::size_t w = 0; w < task.arguments.size(); w += 2) {
    (task.arguments[w] == "--set" ? overrides : sweeps).push_back(task.arguments[w + 1]);
  }
  const auto runs = config::load_sweep(task.experiment, overrides, sweeps);
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ("/here" / runs[0].experiment.run.folder, task.run_folder);
}

TEST_F(Tasks, CombinationsOfASweepAreATaskEach) {
  const std::string file = experiment("a", "[sweep]\nprobe.epsilon = 0.1,0.2\n");
  const auto plain = tasks({file}, {}, SplitSeeds::no, {"probe.batch=16,32"});
  ASSERT_EQ(plain.size(), 4U);
  EXPECT_EQ(plain[1].run_folder, "/here/runs/a/probe.epsilon=0.1/probe.batch=32");
  for (const ArrayTask& task : plain) expect_one_run(task);

  const auto split = tasks({file}, {"probe.seeds=3,5"}, SplitSeeds::yes);
  ASSERT_EQ(split.size(), 4U);
  EXPECT_EQ(split[2].run_folder, "/here/runs/a/probe.seeds=5/probe.epsilon=0.1");
  for (const ArrayTask& task : split) expect_one_run(task);
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
