#include "config/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace layersweep::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<Argument> declared{
    {.name = "EXPERIMENT", .help = "the file", .count = Argument::Count::required},
    {.name = "--set", .value = "section.key=value", .help = "overrides", .count = Argument::Count::repeated},
    {.name = "--steps", .value = "a,b", .help = "which"},
    {.name = "--quiet", .help = "says less"},
};

Arguments parsed(std::vector<std::string> given) { return Arguments("run", declared, given); }

std::string refusal(std::vector<std::string> given) {
  try {
    parsed(given);
  } catch (const base::UsageError& error) {
    return error.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}

TEST(CommandLine, TakesArgumentsInAnyOrder) {
  const auto arguments = parsed({"--set", "a.b=1", "file.ini", "--quiet", "--set=c.d=x y=z"});
  EXPECT_EQ(arguments.value("EXPERIMENT"), "file.ini");
  EXPECT_THAT(arguments.all("--set"), ElementsAre("a.b=1", "c.d=x y=z"));
  EXPECT_TRUE(arguments.has("--quiet"));
  EXPECT_EQ(arguments.find("--steps"), std::nullopt);
}

TEST(CommandLine, TakesAnythingAsAPlaceAfterTwoDashes) {
  EXPECT_EQ(parsed({"--", "--odd name.ini"}).value("EXPERIMENT"), "--odd name.ini");
  EXPECT_EQ(parsed({"-"}).value("EXPERIMENT"), "-");
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(refusal({"x.ini", "--step", "a"}), AllOf(HasSubstr("--step"), HasSubstr("Did you mean --steps")));
  EXPECT_THAT(refusal({"x.ini", "--set"}), HasSubstr("--set"));
  EXPECT_THAT(refusal({}), AllOf(HasSubstr("EXPERIMENT"), HasSubstr("run --help")));
  EXPECT_THAT(refusal({"x.ini", "y.ini"}), HasSubstr("y.ini"));
  EXPECT_THAT(refusal({"x.ini", "--steps", "a", "--steps", "b"}), HasSubstr("only once"));
  EXPECT_THAT(refusal({"x.ini", "--quiet=yes"}), HasSubstr("quiet"));
  EXPECT_THAT(refusal({"-q"}), HasSubstr("no option -q"));
}

TEST(CommandLine, HelpListsEveryArgument) {
  const std::string text = usage_text("run", declared);
  EXPECT_THAT(text, HasSubstr("Usage: layersweep run EXPERIMENT [--set section.key=value]… [--steps a,b] [--quiet]\n"));
  for (const Argument& argument : declared) EXPECT_THAT(text, HasSubstr("  " + argument.name));
}

}  // namespace
}  // namespace layersweep::config
