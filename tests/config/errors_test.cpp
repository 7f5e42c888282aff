// What people get wrong, and whether the message names place, key, reason and remedy.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.hpp"
#include "config/load.hpp"
#include "support/growth.hpp"

namespace layersweep::config {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string message(std::string_view text, std::vector<std::string> overrides = {}) {
  try {
    parse(text, "trial.ini", overrides);
  } catch (const base::UsageError& error) {
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return {};
}

std::string refusal_of(const std::string& setting, std::string_view task = "[task]\nname = counting\n") {
  return message(task, {setting});
}

TEST(UnknownKeys, AreNamedWithFileLineAndNearestKeys) {
  EXPECT_THAT(message("# comment\n[task]\nname = counting\n\n[probe]\nepsilom = 1\n"),
              AllOf(HasSubstr("trial.ini, line 6"), HasSubstr("probe.epsilom"), HasSubstr("Did you mean probe.epsilon?")));
  EXPECT_THAT(refusal_of("epsilon=1"), AllOf(HasSubstr("--set"), HasSubstr("Did you mean probe.epsilon?")));
  EXPECT_THAT(refusal_of("xyzzy=1"), Not(HasSubstr("Did you mean")));
  EXPECT_THAT(message("name = counting\n"), AllOf(HasSubstr("line 1"), HasSubstr("task.name")));
}

TEST(WrongLines, AreNamed) {
  EXPECT_THAT(message("[task]\nname = counting\nwhat is this\n"), AllOf(HasSubstr("line 3"), HasSubstr("what is this")));
  EXPECT_THAT(message("[task\nname = counting\n"), HasSubstr("line 1"));
  EXPECT_THAT(message("[task]\nname = counting\nname = sst\n"), AllOf(HasSubstr("line 3"), HasSubstr("line 2")));
  EXPECT_THAT(refusal_of("probe.epsilon"), HasSubstr("section.key=value"));
}

TEST(WrongValues, NameKeyValueAndWhatIsAllowed) {
  EXPECT_THAT(message("[task]\nname = counting\n[probe]\nepsilon = much\n"),
              AllOf(HasSubstr("trial.ini, line 4"), HasSubstr("probe.epsilon = much"), HasSubstr("number above 0")));
  EXPECT_THAT(refusal_of("probe.flip_limit=1.5"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(refusal_of("probe.batch=0"), HasSubstr("of at least 1"));
  EXPECT_THAT(refusal_of("probe.sparsity=l1"), HasSubstr("log or l0"));
  EXPECT_THAT(refusal_of("run.deterministic=maybe"), HasSubstr("true or false"));
  EXPECT_THAT(refusal_of("probe.modes=hidden,both"), HasSubstr("input or hidden"));
}

TEST(WrongValues, WhatHasNoEffectIsRefused) {
  for (const char* setting : {"finetune.warm_up=5", "finetune.weight_decay=0.01"}) {
    EXPECT_THAT(refusal_of(setting), AllOf(HasSubstr("no effect on the counting"), HasSubstr("finetune.w"))) << setting;
  }
}

TEST(WrongValues, NothingHalfReadPasses) {
  for (const char* setting : {"probe.epsilon=0.1x",
                              "probe.epsilon=nan",
                              "probe.epsilon=inf",
                              "probe.epsilon=0",
                              "probe.epsilon=",
                              "probe.epsilon=0,1",
                              "probe.batch=64.5",
                              "probe.batch=1e3",
                              "probe.batch=99999999999999999999",
                              "run.shards=0",
                              "run.threads=-1",
                              "run.threads=99999999999",
                              "probe.seeds=",
                              "probe.seeds=1,,2",
                              "probe.seeds=1,2,1",
                              "probe.seeds=-1",
                              "probe.seeds=2147483648",
                              "probe.modes=hidden,hidden",
                              "extract.splits=validation",
                              "explain.methods=magic",
                              "explain.shares=0",
                              "explain.shares=0.5,1.5",
                              "task.max_length=3",
                              "run.folder=a#b",
                              "run.folder=a\nb"}) {
    EXPECT_THAT(refusal_of(setting), HasSubstr("must be")) << setting;
  }
  EXPECT_THAT(refusal_of("run.folder=\xff"), HasSubstr("UTF-8"));
}

TEST(Tasks, AreRequiredAndKnown) {
  EXPECT_THAT(message("[probe]\nepsilon = 1\n"), HasSubstr("task.name"));
  EXPECT_THAT(message("[task]\nname = text\n"), HasSubstr("task.data is not set"));
  EXPECT_THAT(message("[task]\nname = sts\n"), HasSubstr("counting, sst, squad or text"));
}

TEST(CrossChecks, NameBothSidesAndTheRemedy) {
  constexpr auto sst = "[task]\nname = sst\ndata = d\n[encoder]\nfolder = f\n";
  EXPECT_THAT(refusal_of("task.data=", sst), AllOf(HasSubstr("task.data"), HasSubstr("LAYERSWEEP_DATA")));
  EXPECT_THAT(refusal_of("encoder.folder=", sst), HasSubstr("encoder.folder"));
  EXPECT_THAT(refusal_of("run.device=cuda"), HasSubstr("recurrent models"));
  EXPECT_THAT(message(sst, {"finetune.model=gru", "run.device=cuda"}), HasSubstr("recurrent models"));
  EXPECT_THAT(refusal_of("run.precision=tf32", sst), HasSubstr("GPUs"));
  EXPECT_THAT(refusal_of("run.precision=bf16"), HasSubstr("fp32"));
  EXPECT_THAT(refusal_of("probe.seeds_per_unit=2", sst), HasSubstr("probe.seeds"));
  std::string many = "probe.seeds=100";
  for (int seed = 101; seed < 200; ++seed) many += fmt::format(",{}", seed);
  EXPECT_THAT(message(sst, {many, "probe.seeds_per_unit=0"}), HasSubstr("Set probe.seeds_per_unit to 50 or less"));
  EXPECT_NO_THROW(parse(sst, "trial.ini", {{many, "probe.seeds_per_unit=50"}}));
  EXPECT_THAT(refusal_of("probe.alpha_start=201", sst), HasSubstr("probe.alpha_max"));
  EXPECT_THAT(refusal_of("run.token_budget=127", sst), HasSubstr("task.max_length"));
  EXPECT_THAT(refusal_of("explain.methods=guan,none", sst), HasSubstr("none"));
  EXPECT_THAT(message("[task]\nname = counting\n[extract]\nsplits = dev\n[explain]\nmethods = guan\n"),
              AllOf(HasSubstr("explain.splits"), HasSubstr("extract.splits")));
  EXPECT_THAT(refusal_of("run.folder=", sst), HasSubstr("run.folder"));
  EXPECT_THAT(refusal_of("encoder.folder=f"), HasSubstr("finetune.epochs"));
  EXPECT_THAT(refusal_of("finetune.epochs=0"), HasSubstr("encoder.folder"));
  EXPECT_THAT(refusal_of("probe.replacement=mask"), HasSubstr("[MASK]"));
  EXPECT_THAT(refusal_of("finetune.model=gru"), HasSubstr("counting"));
  EXPECT_THAT(message(sst, {"finetune.model=gru", "finetune.epochs=0"}), HasSubstr("finetune.epochs"));
  EXPECT_THAT(refusal_of("finetune.model=gru", "[task]\nname = squad\ndata = d\n[encoder]\nfolder = f\n"),
              HasSubstr("answers"));
  EXPECT_THAT(message(sst, {"finetune.model=gru", "run.precision=bf16"}), HasSubstr("fp32"));
  EXPECT_NO_THROW(parse(std::string(sst) + "[run]\ndevice = cuda\nprecision = tf32\n"));
  EXPECT_NO_THROW(parse("[task]\nname = counting\n[finetune]\nepochs = 0\n[encoder]\nfolder = trained\n"));
}

TEST(Messages, ArePrintable) {
  EXPECT_THAT(message("[task]\nname = counting\n[probe]\nepsilon\x1b[2J = 1\n"), HasSubstr("\"probe.epsilon\\x1b[2J\""));
  EXPECT_THAT(message("[task]\nname = count\u202Eing\n"), HasSubstr("task.name = count\\u202eing"));
  EXPECT_THAT(message("[task]\nname = \xff\n"), AllOf(HasSubstr("task.name = \\xff"), HasSubstr("not UTF-8")));
  EXPECT_THAT(message("[task]\nwhat\rerror: is this\n"), HasSubstr("\"what\\rerror: is this\""));
  EXPECT_THAT(refusal_of("a\nb"), HasSubstr("--set a\\nb"));
  try {
    parse("", "evil\x1b.ini");
  } catch (const base::UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("evil\\x1b.ini"));
  }
}

TEST(Growth, LongListsAreReadInLinearTime) {
  const auto make = [](std::size_t seeds) {
    std::string list;
    for (std::size_t i = 0; i < seeds; ++i) list += fmt::format("{}{}", i == 0 ? "" : ",", i);
    return "[task]\nname = counting\n[probe]\nseeds_per_unit = 1\nseeds = " + list + "\n";
  };
  const auto read = [](const std::string& text) { EXPECT_GT(parse(text).probe.seeds.size(), 1000U); };
  EXPECT_LE(test::growth_of_ten_times(5'000, make, read), test::linear_at_most);
}

// The name of a section is part of the key of each of its settings.
TEST(Growth, LongSectionNamesAreRefused) {
  EXPECT_THAT(message("[task]\nname = counting\n[" + std::string(100'000, 'x') + "]\na = 1\n"),
              AllOf(HasSubstr("line 3"), HasSubstr("100002 characters"), Not(HasSubstr("xx"))));
}

}  // namespace
}  // namespace layersweep::config
