#include "text/longest_match.hpp"

#include <gmock/gmock.h>

#include <random>

#include "support/growth.hpp"

namespace layersweep::text {
namespace {

using testing::ElementsAre;

constexpr std::int32_t none = no_pattern;

TEST(PatternFinder, FindsTheLongestAtEachPlace) {
  const PatternFinder finder({U"a", U"abc", U"bcd", U"ab", U"映画"});
  EXPECT_THAT(finder.longest_at(U"abcd ab映画"), ElementsAre(1, 2, none, none, none, 3, none, 4, none));
  EXPECT_THAT(finder.longest_at(U""), ElementsAre());
}

TEST(PatternFinder, TakesTheFirstOfEqualPatternsAndNoEmptyOnes) {
  EXPECT_THAT(PatternFinder({U"", U"b", U"a", U"b", U"a"}).longest_at(U"abc"), ElementsAre(2, 1, none));
  EXPECT_THAT(PatternFinder({}).longest_at(U"ab"), ElementsAre(none, none));
  EXPECT_EQ(PatternTree({}).longest_beginning(U"ab"), none);
  EXPECT_EQ(PatternTree({U""}).longest_beginning(U"ab"), none);
}

// Few letters, so that patterns begin, end and repeat each other.
TEST(PatternFinder, AgreesWithTryingEveryPattern) {
  std::mt19937 random(1);
  const auto letters = [&](std::size_t longest) {
    std::u32string text(random() % (longest + 1), U' ');
    for (char32_t& c : text) c = U'a' + random() % 2;
    return text;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::u32string> patterns(random() % 8);
    for (std::u32string& pattern : patterns) pattern = letters(5);
    const std::u32string text = letters(30);
    const auto longest_from = [&](std::u32string_view rest) {
      std::int32_t longest = none;
      for (std::size_t p = 0; p < patterns.size(); ++p) {
        const bool longer = longest == none ? !patterns[p].empty() : patterns[p].size() > patterns[longest].size();
        if (longer && rest.starts_with(patterns[p])) longest = static_cast<std::int32_t>(p);
      }
      return longest;
    };
    const auto found = PatternFinder(patterns).longest_at(text);
    ASSERT_EQ(found.size(), text.size());
    for (std::size_t place = 0; place < text.size(); ++place) {
      ASSERT_EQ(found[place], longest_from(std::u32string_view(text).substr(place)));
    }
    ASSERT_EQ(PatternTree(patterns).longest_beginning(text), longest_from(text));
  }
}

// Each place of the text begins all but the last character of the pattern.
TEST(PatternFinder, TakesTimeLinearInTextAndPattern) {
  const auto make = [](std::size_t size) { return std::u32string(size, U'a'); };
  const auto read = [](const std::u32string& text) {
    EXPECT_THAT(PatternFinder({text.substr(0, text.size() / 2) + U"b"}).longest_at(text), testing::Each(none));
  };
  EXPECT_LE(test::growth_of_ten_times(20'000, make, read), test::linear_at_most);
}

}  // namespace
}  // namespace layersweep::text
