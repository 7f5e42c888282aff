// A cluster's file and the command line, merged and checked.
#include "submit/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "base/error.hpp"
#include "support/files.hpp"

namespace layersweep::submit {
namespace {

using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<std::string> least{"--nodes", "2", "--ranks-per-node", "4", "--time", "60"};

Settings read(const std::string& file, std::vector<std::string> given = least) {
  return read_settings(file, "cluster.ini", config::Arguments("submit", settings_arguments(), given));
}

std::string refusal(const std::string& file, const std::vector<std::string>& given = least) {
  try {
    read(file, given);
  } catch (const base::UsageError& error) {
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << file;
  return {};
}

std::vector<std::string> with(std::vector<std::string> more) {
  more.insert(more.begin(), least.begin(), least.end());
  return more;
}

TEST(Settings, TheCommandLineWins) {
  const std::string file =
      "nodes = 8\npartition = slow\nthreads_per_rank = 3\nsbatch = --qos=long\nmodules = a/1  b/2\nline = source "
      "/opt/env.sh\nline = ulimit -c 0\n";
  const Settings settings = read(file, with({"--partition", "fast", "--sbatch=--exclusive"}));
  EXPECT_EQ(settings.nodes, 2);
  EXPECT_EQ(settings.partition, "fast");
  EXPECT_EQ(settings.threads_per_rank, 3);
  EXPECT_THAT(settings.modules, ElementsAre("a/1", "b/2"));
  EXPECT_THAT(settings.sbatch, ElementsAre("--qos=long", "--exclusive"));
  EXPECT_THAT(settings.lines, ElementsAre("source /opt/env.sh", "ulimit -c 0"));
  EXPECT_THAT(settings.launcher, ElementsAre("srun", "--mpi=pmix"));
}

TEST(Settings, AFileCanGiveAllThatIsNeeded) {
  EXPECT_EQ(read("nodes = 1\nranks_per_node = 1\ntime = 1-0\n", {}).time, seconds(86400));
  EXPECT_THAT(refusal("nodes = 1\ntime = 5", {}), HasSubstr("--ranks-per-node"));
  EXPECT_THAT(refusal("", {"--ranks-per-node=1", "--time=1"}), HasSubstr("--nodes"));
  EXPECT_THAT(refusal("", {"--ranks-per-node=1", "--nodes=1"}), HasSubstr("--time"));
}

TEST(Settings, UnknownKeysNameTheNearest) {
  EXPECT_THAT(refusal("\npartitoin = a"), AllOf(HasSubstr("cluster.ini, line 2"), HasSubstr("Did you mean partition?")));
  EXPECT_THROW(read("", with({"--partitoin", "a"})), base::UsageError);
  EXPECT_THAT(refusal("nodes = 1\nnodes = 2"), HasSubstr("second time"));
}

TEST(Settings, WrongValuesAreNamedWithTheirPlace) {
  for (const std::string line :
       {"nodes = 0", "nodes = two", "nodes = 2x", "time = 1h", "time = -1", "partition = a b", "partition = --x",
        "partition = $(id)", "account =", "idle_requeues = 0", "launcher =", "sbatch = qos=long", "sbatch = --time=5",
        "sbatch = --signal=B:TERM@5", "sbatch = --array 0-9", "sbatch = --no-requeue", "line ="}) {
    EXPECT_THAT(refusal(line), AllOf(HasSubstr("cluster.ini, line 1"), HasSubstr(line.substr(0, line.find(' ')))));
  }
  EXPECT_THAT(refusal("", with({"--gpus-per-node", "-1"})), HasSubstr("--gpus-per-node"));
  EXPECT_THAT(refusal("", with({"--sbatch=--qos=a\n--x"})), HasSubstr("--sbatch"));
}

TEST(Settings, TheMarginIsATenthOfTheTimeWithinReason) {
  const auto margin = [](const std::string& time) {
    return margin_of(read("", {"--nodes=1", "--ranks-per-node=1", "--time", time}));
  };
  EXPECT_EQ(margin("60"), seconds(360));
  EXPECT_EQ(margin("7-0"), seconds(600));
  EXPECT_EQ(margin("5"), seconds(60));
  EXPECT_EQ(margin("2"), seconds(30));
  EXPECT_EQ(margin_of(read("margin = 0:20")), seconds(20));
  EXPECT_THAT(refusal("margin = 60"), HasSubstr("margin"));
}

TEST(Settings, TheFilesOfTheRepositoryAreRead) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::source_dir() / "slurm")) {
    if (entry.path().extension() != ".ini") continue;
    std::ifstream stream(entry.path());
    EXPECT_NO_THROW(read(std::string(std::istreambuf_iterator<char>(stream), {}))) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 2);
}

TEST(Settings, AreAllDocumented) {
  std::ifstream stream(test::source_dir() / "docs/slurm.md");
  const std::string page(std::istreambuf_iterator<char>(stream), {});
  for (const config::Argument& argument : settings_arguments()) {
    std::string key = argument.name.substr(2);
    std::ranges::replace(key, '-', '_');
    EXPECT_THAT(page, HasSubstr("\n| `" + key + "` | "));
  }
}

}  // namespace
}  // namespace layersweep::submit
