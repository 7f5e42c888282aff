// What is quoted comes out of the shell as it went in, whatever it is.
#include "submit/quote.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>

#include "base/error.hpp"

namespace layersweep::submit {
namespace {

// The word as a real shell understands it.
std::string through_shell(const std::string& word) {
  const std::string command = "printf %s " + word;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string out;
  for (int c = 0; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  EXPECT_EQ(::pclose(pipe), 0) << word;
  return out;
}

TEST(ShellQuoted, WordsComeBackUnchanged) {
  for (const std::string text :
       {"", "plain", "-n", "two words", "it's", "\"$HOME\" `id` $(id) \\ ; & | < > * ? [a] {a,b} ~ # !", "~", "~root",
        "a\nb\n", "'; touch x; '", "\\'", "ä € 😀", "\t", "a=b", "#no comment"}) {
    EXPECT_EQ(through_shell(shell_quoted(text)), text) << text;
  }
}

TEST(ShellQuoted, RandomBytesComeBackUnchanged) {
  std::mt19937 random(7);
  std::string all;
  std::string words;
  for (int n = 0; n < 50; ++n) {
    std::string text;
    for (int c = 0; c < 20; ++c) text += static_cast<char>(1 + random() % 255);
    all += text;
    words += shell_quoted(text) + " ";
  }
  EXPECT_EQ(through_shell(words), all);  // printf repeats %s for every word
}

TEST(ShellQuoted, LeavesPlainWordsReadable) {
  EXPECT_EQ(shell_quoted("/a/b-c_d.ini"), "/a/b-c_d.ini");
  EXPECT_EQ(shell_quoted("probe.seeds=1,2"), "probe.seeds=1,2");
}

TEST(SbatchQuoted, RefusesWhatWouldEndTheLine) {
  for (const std::string text : {"a\nb", "a\rb", "\x7f", "a\tb", "\x1b[0m"}) {
    EXPECT_THROW(sbatch_quoted(text, "the name"), base::UsageError);
  }
  EXPECT_EQ(sbatch_quoted("a b#c'd\"e\\f", "the name"), R"("a b#c'd\"e\\f")");
}

TEST(SbatchFileQuoted, KeepsPercentSignsAndRefusesBackslashes) {
  EXPECT_EQ(sbatch_file_quoted("/runs/5%j", "it"), "/runs/5%%j");
  EXPECT_THROW(sbatch_file_quoted("a\\b", "it"), base::UsageError);
}

}  // namespace
}  // namespace layersweep::submit
