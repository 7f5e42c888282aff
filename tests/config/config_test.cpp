// Laws of the experiment description: the table, the file and the structs say the same thing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>

#include "base/error.hpp"
#include "base/files.hpp"
#include "config/describe.hpp"
#include "config/load.hpp"
#include "config/options.hpp"
#include "config/print.hpp"
#include "support/files.hpp"

namespace layersweep::config {
namespace {

using testing::HasSubstr;

constexpr auto minimal = "[task]\nname = counting\n";
constexpr auto minimal_sst = "[task]\nname = sst\ndata = texts\n[encoder]\nfolder = model\n";

Experiment with(const char* text, std::vector<std::string> overrides) { return parse(text, "experiment.ini", overrides); }

// For every key a value that is valid and not the default.
std::string another_value(const Option& option, const Experiment& now) {
  const std::string value = option.write(now);
  if (option.key == "task.name") return "counting";
  if (option.type == "true or false") return value == "true" ? "false" : "true";
  if (option.type == "path") return "some/where else";
  if (option.key == "finetune.model") return "gru";
  if (option.key == "probe.modes") return "hidden";
  if (option.key == "probe.seeds") return "5,3,11";
  if (option.key == "probe.seeds_per_unit") return "0";
  if (option.key == "probe.sparsity") return "l0";
  if (option.key == "probe.replacement") return "xavier";
  if (option.key == "statistics.split") return "dev";
  if (option.key == "extract.splits" || option.key == "explain.splits") return "train,test";
  if (option.key == "explain.methods") return "guan,leave_one_out";
  if (option.key == "explain.replacement") return "zero";
  if (option.key == "explain.shares") return "0.3,1";
  if (option.key == "probe.flip_limit") return "0.123";
  if (option.key == "probe.alpha_start" || option.type == "number") return "0.0123456789012345";
  return std::to_string(std::stoll(value) + 7);
}

TEST(Options, HaveUniqueDottedKeysAndOneLineOfHelp) {
  std::set<std::string> keys;
  for (const Option& option : options()) {
    EXPECT_TRUE(keys.insert(option.key).second) << option.key;
    EXPECT_EQ(std::ranges::count(option.key, '.'), 1) << option.key;
    EXPECT_FALSE(option.help.empty()) << option.key;
    EXPECT_EQ(option.help.find('\n'), std::string::npos) << option.key;
    EXPECT_EQ(option.help.find('|'), std::string::npos) << option.key << ": would break the table of docs/settings.md";
    EXPECT_FALSE(option.default_text.empty()) << option.key;
  }
}

TEST(Options, SectionsStandTogether) {
  std::set<std::string> seen;
  std::string section;
  for (const Option& option : options()) {
    if (option.section() == section) continue;
    section = option.section();
    EXPECT_TRUE(seen.insert(section).second) << "[" << section << "] stands twice";
  }
}

TEST(Options, EveryKeyReachesAMemberOfItsOwn) {
  const Experiment before = parse(minimal_sst);
  for (const Option& changed : options()) {
    if (changed.key == "run.device" || changed.key == "run.precision") continue;  // not every value is valid in this build
    Experiment after = before;
    changed.read(after, another_value(changed, before));
    for (const Option& option : options()) {
      EXPECT_EQ(option.write(after) == option.write(before), option.key != changed.key)
          << changed.key << " on " << option.key;
    }
  }
}

TEST(Options, AreWhatTheSettingsPageShows) {
  EXPECT_EQ(settings_markdown(), base::read_text_file(test::source_dir() / "docs/settings.md"))
      << "print it anew: layersweep help --settings-markdown >docs/settings.md";
}

TEST(Parse, ReadsBackTheResolvedListing) {
  for (const char* text : {minimal, minimal_sst}) {
    const Experiment plain = parse(text);
    EXPECT_EQ(parse(resolved_text(plain), "another name.ini"), plain);
  }
  // And with no setting at its default.
  Experiment changed = parse(minimal_sst);
  for (const Option& option : options()) {
    if (option.section() == "task" && option.name() == "name") continue;
    if (option.key == "run.device" || option.key == "run.precision") continue;
    option.read(changed, another_value(option, changed));
  }
  changed.run.token_budget = changed.task.max_length;
  EXPECT_EQ(parse(resolved_text(changed)), changed);
}

TEST(Parse, TextOfNumbersIsExact) {
  const auto experiment = with(minimal, {"probe.epsilon=0.1000000000000000055511151231257827", "probe.learning_rate=1e-5"});
  EXPECT_EQ(experiment.probe.epsilon, 0.1);
  EXPECT_EQ(experiment.probe.learning_rate, 1e-5);
}

TEST(Parse, OverridesWinInOrder) {
  const auto experiment = with("[task]\nname = counting\n[probe]\nepsilon = 0.3\n",
                               {"probe.epsilon=0.4", " probe.epsilon = 0.05 ", "probe.seeds=4, 2"});
  EXPECT_EQ(experiment.probe.epsilon, 0.05);
  EXPECT_EQ(experiment.probe.seeds, (std::vector<std::int64_t>{4, 2}));
}

TEST(Parse, AcceptsCommentsBlanksWindowsLinesAndByteOrderMark) {
  const auto experiment = parse("\xEF\xBB\xBF# why\r\n\r\n [task] \r\n name=counting   # the known truth\r\n");
  EXPECT_EQ(experiment, parse(minimal));
}

TEST(Defaults, DependOnTheTaskAndTheFileName) {
  EXPECT_EQ(parse(minimal_sst).finetune, Finetune{});
  EXPECT_EQ(parse(minimal_sst).probe, Probe{});
  EXPECT_NE(parse(minimal).finetune, Finetune{});
  EXPECT_EQ(with(minimal, {"finetune.epochs=3"}).finetune.epochs, 3);
  EXPECT_EQ(parse(minimal, "experiments/first try.ini").run.folder, "runs/first try");
}

TEST(Defaults, DataFolderComesFromTheEnvironmentUnlessGiven) {
  const char* before = std::getenv("LAYERSWEEP_DATA");
  const std::string kept = before != nullptr ? before : "";
  setenv("LAYERSWEEP_DATA", "/from/environment", 1);
  const char* without_data = "[task]\nname = sst\n[encoder]\nfolder = model\n";
  EXPECT_EQ(parse(without_data).task.data, "/from/environment");
  EXPECT_EQ(parse(minimal_sst).task.data, "texts");
  EXPECT_EQ(with(without_data, {"task.data=given"}).task.data, "given");
  EXPECT_EQ(parse(minimal).task.data, "");                 // where it is not read it would tell runs apart
  EXPECT_EQ(with(minimal, {"task.data="}).task.data, "");  // a listing of a run without data stays one without
  unsetenv("LAYERSWEEP_DATA");
  if (before != nullptr) setenv("LAYERSWEEP_DATA", kept.c_str(), 1);
}

TEST(Defaults, TildeIsTheHomeFolder) {
  const std::string home = std::getenv("HOME") != nullptr ? std::getenv("HOME") : "";
  if (home.empty()) GTEST_SKIP() << "HOME is not set";
  EXPECT_EQ(with(minimal, {"run.folder=~/runs/a"}).run.folder, home + "/runs/a");
  EXPECT_EQ(with(minimal, {"run.folder=a/~/b"}).run.folder, "a/~/b");
}

TEST(Identity, CountsExactlyTheKeysThatTheTableSays) {
  const Experiment before = parse(minimal_sst);
  std::set<std::string> free;
  for (const Option& option : options()) {
    if (option.key == "run.device" || option.key == "run.precision") continue;
    Experiment after = before;
    option.read(after, another_value(option, before));
    const auto changes = identity_changes(before, after);
    EXPECT_EQ(changes.empty(), identity_hash(before) == identity_hash(after)) << option.key;
    if (option.section() == "explain") {
      EXPECT_TRUE(changes.empty()) << option.key << ": a finished run may be explained further";
    } else if (changes.empty()) {
      free.insert(option.key);
    } else {
      ASSERT_EQ(changes.size(), 1u) << option.key;
      EXPECT_EQ(changes[0].key, option.key);
      EXPECT_EQ(changes[0].before, option.write(before));
      EXPECT_EQ(changes[0].after, option.write(after));
    }
  }
  EXPECT_EQ(free, (std::set<std::string>{"encoder.folder", "run.checkpoint_seconds", "run.deadline_seconds", "run.folder",
                                         "run.json_log", "run.memory_gb", "run.point_groups", "run.threads"}));
}

TEST(Load, ReadsAFileAndRefusesWhatIsNone) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "tiny.ini";
  std::ofstream(file) << minimal;
  EXPECT_EQ(load(file), parse(minimal, "tiny.ini"));
  for (const auto& bad : {folder.path() / "missing.ini", folder.path()}) {
    try {
      load(bad);
      FAIL() << bad;
    } catch (const base::UsageError& error) {
      FAIL() << "a missing file is no wrong use: " << error.what();
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.string()));
    }
  }
}

TEST(Experiments, AllThatAreCommittedAreValid) {
  int count = 0;
  setenv("LAYERSWEEP_DATA", "datasets", 0);
  for (const auto& entry : std::filesystem::directory_iterator(test::source_dir() / "experiments")) {
    if (entry.path().extension() != ".ini") continue;
    EXPECT_NO_THROW(load(entry.path())) << entry.path();
    ++count;
  }
  EXPECT_GE(count, 3);
}

}  // namespace
}  // namespace layersweep::config
