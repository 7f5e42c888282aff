// The program from outside: exit codes, and what is said where.
#include "program.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "app/commands.hpp"
#include "app/help.hpp"
#include "base/build_info.hpp"
#include "base/printable.hpp"

namespace layersweep::app {
namespace {

using test::Outcome;
using test::shell;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(Help, OfEveryCommandGoesToStandardOutput) {
  for (const Command& command : commands()) {
    const Outcome outcome = shell("$L " + command.name + " --help");
    EXPECT_EQ(outcome.exit_code, 0) << command.name;
    EXPECT_EQ(outcome.out, command_help(command));
    EXPECT_EQ(outcome.error, "");
    EXPECT_THAT(outcome.out, AllOf(StartsWith("Usage: layersweep " + command.name), HasSubstr(command.summary)));
    EXPECT_EQ(shell("$L help " + command.name).out, outcome.out);
  }
}

TEST(Help, OfTheProgramListsEveryCommand) {
  const Outcome outcome = shell("$L --help");
  EXPECT_EQ(outcome.exit_code, 0);
  for (const Command& command : commands()) EXPECT_THAT(outcome.out, HasSubstr("  " + command.name + " "));
  EXPECT_EQ(shell("$L help").out, outcome.out);
}

TEST(Version, NamesCommitCompilerAndLibraries) {
  const Outcome outcome = shell("$L --version");
  EXPECT_EQ(outcome.exit_code, 0);
  const auto& info = base::build_info();
  EXPECT_THAT(outcome.out, StartsWith("layersweep " + info.version + " (" + info.commit + ")"));
  EXPECT_THAT(outcome.out, AllOf(HasSubstr(info.compiler), HasSubstr("LibTorch"), HasSubstr("HDF5")));
}

TEST(WrongUse, IsExitCode2WithOneMessage) {
  for (const char* command : {"$L nonsense", "$L --nonsense", "$L tokenize", "$L tokenize --encoder", "$L doctor now",
                              "$L help nonsense", "$L doctor --verbose", "$L run experiment.ini --sets a.b=c"}) {
    const Outcome outcome = shell(command);
    EXPECT_EQ(outcome.exit_code, 2) << command;
    EXPECT_EQ(outcome.out, "") << command;
    EXPECT_THAT(outcome.error, AllOf(StartsWith("error: "), EndsWith("\n"))) << command;
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
  }
  EXPECT_THAT(shell("$L tokenise").error, HasSubstr("Did you mean tokenize?"));
  const Outcome nothing = shell("$L");
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_EQ(nothing.error, program_help());
}

TEST(MissingFiles, AreExitCode1WithTheNameOnStandardError) {
  for (const char* command : {"$L tokenize --encoder /no/where", "$L predict --encoder /no/where", "$L inspect /no/where.h5",
                              "$L validate /no/where.h5", "$L run /no/where.ini"}) {
    const Outcome outcome = shell(command);
    EXPECT_EQ(outcome.exit_code, 1) << command;
    EXPECT_THAT(outcome.error, AllOf(StartsWith("error: "), HasSubstr("/no/where"))) << command;
  }
}

// Names, settings and files of other people, through the whole program.
TEST(Messages, SteerNoTerminal) {
  const test::TemporaryFolder folder;
  const auto write = [&](const std::filesystem::path& name, const std::string& text) {
    std::filesystem::create_directories((folder.path() / name).parent_path());
    std::ofstream(folder.path() / name, std::ios::binary) << text;
  };
  write("key.ini", "[task]\nname = counting\n[probe]\nepsilon\x1b[2J = 1\n");
  write("value.ini", "[task]\nname = \u202Esst\r\xff\n");
  write("evil\x1b[31m\n\u202E\xff.ini", "");
  write("results.h5", "no results");
  std::filesystem::rename(folder.path() / "results.h5", folder.path() / "evil\u0085.h5");
  write("encoder/tokenizer_config.json", R"({"tokenizer_class": "T\u001b[2J\u202e"})");
  write("encoder/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
  write("run\x1b[2J/experiment.ini", "[task]\nname = counting\n");
  write("run\x1b[2J/units/input-0/failed.json", R"({"reason": "\u001b[2J\u202e"})");
  for (const auto& [command, told] : {std::pair{"$L run key.ini", "epsilon\\x1b[2J"},
                                      {"$L run value.ini", "\\u202esst\\r\\xff"},
                                      {"$L run evil*.ini", "evil\\x1b[31m\\n\\u202e\\xff.ini"},
                                      {"$L inspect evil*.h5", "evil\\u0085.h5"},
                                      {"$L validate evil*.h5", "evil\\u0085.h5"},
                                      {"$L tokenize --encoder encoder", "T\\x1b[2J\\u202e"},
                                      {"$L status run*", "run\\x1b[2J"},
                                      {"$L status run*", "failed: \\x1b[2J\\u202e"},
                                      {"$L \x1b[2J", "\\x1b[2J"}}) {
    const Outcome outcome = shell(fmt::format("cd '{}' && {}", folder.path().string(), command));
    EXPECT_THAT(outcome.out + outcome.error, HasSubstr(told)) << command;
    EXPECT_EQ(outcome.out, base::printable_lines(outcome.out)) << command;
    EXPECT_EQ(outcome.error, base::printable_lines(outcome.error)) << command;
    if (outcome.exit_code != 0) {
      EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    }
  }
}

TEST(Doctor, SaysWhatThereIs) {
  const Outcome outcome = shell("env -u LAYERSWEEP_DATA -u LD_PRELOAD $L doctor");
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("processors: "), HasSubstr("OpenMP runtime: "), HasSubstr("libtorch_cpu.so")));
  EXPECT_EQ(outcome.exit_code, outcome.out.find("\nproblem: ") == std::string::npos ? 0 : 1);
  EXPECT_EQ(outcome.error, "");
  const Outcome wrong = shell("LAYERSWEEP_DATA=/no/where $L doctor");
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.out, HasSubstr("problem: LAYERSWEEP_DATA is /no/where"));
}

TEST(StandardOutput, ThatCannotBeWrittenIsAnError) {
  for (const char* command : {"$L --version", "$L --help", "$L help", "$L doctor"}) {
    const Outcome full = shell(std::string(command) + " >/dev/full");
    EXPECT_EQ(full.exit_code, 1) << command;
    EXPECT_THAT(full.error, HasSubstr("standard output cannot be written")) << command;
    const Outcome closed = shell(std::string(command) + " >&-");
    EXPECT_EQ(closed.exit_code, 1) << command;
    EXPECT_THAT(closed.error, HasSubstr("standard output cannot be written")) << command;
  }
}

// Two ranks of the program under mpirun; each runs `line`, where $R is its rank.
Outcome two_ranks(const std::string& line) {
  return shell(
      "export L OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; timeout 100 mpirun --oversubscribe --bind-to "
      "none "
      "-n 2 /bin/sh -c 'R=$OMPI_COMM_WORLD_RANK; " +
      line + "'");
}

int count_of(const std::string& part, const std::string& text) {
  int count = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(UnderMpi, AnErrorIsToldOnceAndEndsAllRanks) {
  if (shell("command -v mpirun").exit_code != 0) GTEST_SKIP() << "no mpirun in PATH";
  for (const auto& [line, exit_code] : {std::pair{"$L run /no/where.ini", 1}, std::pair{"$L run --sets a.b=c x.ini", 2}}) {
    const Outcome outcome = two_ranks(line);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.error;
    EXPECT_EQ(count_of("error: ", outcome.error), 1) << outcome.error;
  }
}

TEST(UnderMpi, AnErrorOfOneRankNamesItAndEndsAllRanks) {
  if (shell("command -v mpirun").exit_code != 0) GTEST_SKIP() << "no mpirun in PATH";
  const test::TemporaryFolder folder;
  std::ofstream(folder.path() / "0.ini") << "[task]\nname = counting\n";
  const Outcome outcome = two_ranks("cd " + folder.path().string() + " && exec $L run $R.ini");
  EXPECT_EQ(outcome.exit_code, 1) << outcome.error;
  EXPECT_EQ(count_of("error: ", outcome.error), 1) << outcome.error;
  EXPECT_THAT(outcome.error, AllOf(HasSubstr("1.ini"), HasSubstr("rank 1")));
}

}  // namespace
}  // namespace layersweep::app
