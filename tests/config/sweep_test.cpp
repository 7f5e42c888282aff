// One description, several experiments.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.hpp"
#include "config/load.hpp"
#include "config/sweep.hpp"
#include "support/growth.hpp"

namespace layersweep::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* counting = "[task]\nname = counting\n[probe]\nepsilon = 0.5\n[run]\nfolder = out\n";

std::vector<Combination> combinations(std::vector<std::string> sweeps, std::vector<std::string> overrides = {},
                                      const std::string& more = "") {
  return parse_sweep(counting + more, "small.ini", overrides, sweeps);
}

std::vector<std::string> folders(const std::vector<Combination>& all) {
  std::vector<std::string> names;
  for (const Combination& one : all) names.push_back(one.experiment.run.folder.string());
  return names;
}

std::string refusal(std::vector<std::string> sweeps, const std::string& more = "") {
  try {
    combinations(std::move(sweeps), {}, more);
  } catch (const base::UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Sweep, NothingSweptIsTheExperimentItself) {
  const auto all = combinations({});
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].label, "");
  EXPECT_EQ(all[0].experiment, parse(counting, "small.ini"));
}

TEST(Sweep, EveryCombinationHasItsFolder) {
  const auto all = combinations({"probe.epsilon=0.05,0.1", "probe.batch=16,32,64"});
  EXPECT_THAT(folders(all), ElementsAre("out/probe.epsilon=0.05/probe.batch=16", "out/probe.epsilon=0.05/probe.batch=32",
                                        "out/probe.epsilon=0.05/probe.batch=64", "out/probe.epsilon=0.1/probe.batch=16",
                                        "out/probe.epsilon=0.1/probe.batch=32", "out/probe.epsilon=0.1/probe.batch=64"));
  EXPECT_EQ(all[1].label, "probe.epsilon=0.05, probe.batch=32");
  EXPECT_EQ(all[1].experiment.probe.epsilon, 0.05);
  EXPECT_EQ(all[1].experiment.probe.batch, 32);
}

// Each is exactly the experiment that --set would have made, but for where it lies.
TEST(Sweep, ACombinationIsWhatSetMakes) {
  for (const Combination& one : combinations({"probe.epsilon=0.05,0.1"}, {"probe.batch=16"})) {
    Experiment by_set = parse(counting, "small.ini", std::vector<std::string>{"probe.batch=16", one.label});
    by_set.run.folder = one.experiment.run.folder;
    EXPECT_EQ(one.experiment, by_set);
  }
}

TEST(Sweep, TheFileMaySweepAndTheCommandLineReplacesIt) {
  const std::string section = "[sweep]\nprobe.epsilon = 0.1, 0.2\n";
  EXPECT_THAT(folders(combinations({}, {}, section)), ElementsAre("out/probe.epsilon=0.1", "out/probe.epsilon=0.2"));
  EXPECT_THAT(folders(combinations({"probe.epsilon=0.3"}, {}, section)), ElementsAre("out/probe.epsilon=0.3"));
  EXPECT_THROW(parse(counting + section, "small.ini"), base::UsageError);  // where one experiment is wanted
}

TEST(Sweep, PathsMakeOneLevel) {
  const auto all = combinations({"encoder.folder=/models/a,/models/b"}, {"finetune.epochs=0"});
  EXPECT_THAT(folders(all), ElementsAre("out/encoder.folder=_models_a", "out/encoder.folder=_models_b"));
}

// All are checked before any runs.
TEST(Sweep, RefusesWhatCannotBeSwept) {
  EXPECT_THAT(refusal({"probe.seeds=1,2"}), HasSubstr("--set probe.seeds=1,2"));
  EXPECT_THAT(refusal({"probe.modes=input,hidden"}), HasSubstr("it is a list"));
  EXPECT_THAT(refusal({"run.threads=1,2"}), HasSubstr("it changes no result"));
  EXPECT_THAT(refusal({"probe.epsilonn=1,2"}), HasSubstr("Did you mean probe.epsilon?"));
  EXPECT_THAT(refusal({"probe.epsilon"}), HasSubstr("no = in it"));
  EXPECT_THAT(refusal({"probe.epsilon="}), HasSubstr("no values"));
  EXPECT_THAT(refusal({"probe.epsilon=0.1,-1"}), HasSubstr("probe.epsilon = -1: must be a number above 0"));
  EXPECT_THAT(refusal({"probe.epsilon=0.1,0.10"}), HasSubstr("twice"));
  EXPECT_THAT(refusal({"probe.replacement=mean,mask"}), HasSubstr("the counting model has no [MASK]"));
  EXPECT_THAT(refusal({}, "[sweep]\nprobe.epsilon = 0.1,nought\n"), HasSubstr("small.ini, line 8"));
  EXPECT_THAT(refusal({"encoder.folder=/a/b,/a_b", "finetune.epochs=0"}), HasSubstr("share the run folder"));
}

// A few lines describe more runs than there are numbers for.
TEST(Sweep, OfTooManyRunsIsRefused) {
  std::string list;
  for (int i = 1; i <= 300; ++i) list += fmt::format("{}{}", i == 1 ? "" : ",", i);
  std::vector<std::string> sweeps;
  for (const char* key : {"probe.batch", "probe.validation_examples", "probe.max_steps", "finetune.batch", "finetune.epochs",
                          "finetune.warm_up", "finetune.seed", "task.seed"}) {
    sweeps.push_back(key + ("=" + list));
    if (sweeps.size() > 2) {
      EXPECT_THAT(refusal(sweeps), HasSubstr("more than 100000 runs"));
    }
  }
}

TEST(Sweep, OfManyValuesIsReadInLinearTime) {
  const auto make = [](std::size_t values) {
    std::string list;
    for (std::size_t i = 1; i <= values; ++i) list += fmt::format("{}{}", i == 1 ? "" : ",", i);
    return list;
  };
  const auto read = [](const std::string& list) {
    EXPECT_EQ(combinations({}, {}, "[sweep]\nprobe.batch = " + list + "\n").size(), 1 + std::ranges::count(list, ','));
  };
  EXPECT_LE(test::growth_of_ten_times(300, make, read), test::linear_at_most);
}

}  // namespace
}  // namespace layersweep::config
