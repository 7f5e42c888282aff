// Regular expressions match as Oniguruma's do in `tokenizers`, or are refused.
#include "text/regex.hpp"

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "support/growth.hpp"
#include "tests/text/tokenizer_support.hpp"

namespace layersweep::text {
namespace {

using nlohmann::json;

std::vector<std::pair<std::size_t, std::size_t>> matches(const char* pattern, std::u32string_view text) {
  std::vector<std::pair<std::size_t, std::size_t>> found;
  for (const auto& [begin, end] : Regex(pattern).matches(text)) found.emplace_back(begin, end);
  return found;
}

TEST(Regex, KnowsTheUnicodeOfTheReference) {
  const json recorded = json::parse(test::read_file(test::tokenizer_fixtures() / "hashes.json")).at("expressions");
  ASSERT_GT(recorded.size(), 10u);
  std::u32string text;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c < 0xD800 || c >= 0xE000) text += c;
  }
  for (const auto& [expression, hash] : recorded.items()) {
    std::string matched(text.size(), '0');
    for (const auto& [begin, end] : Regex("(?:" + expression + ")+").matches(text)) {
      std::fill(matched.begin() + static_cast<std::ptrdiff_t>(begin), matched.begin() + static_cast<std::ptrdiff_t>(end),
                '1');
    }
    EXPECT_EQ(base::sha256_of_text(matched), hash.get<std::string>()) << expression;
  }
}

TEST(Regex, FindsEmptyMatchesAsTheReferenceDoes) {
  using Found = std::vector<std::pair<std::size_t, std::size_t>>;
  EXPECT_EQ(matches("a|", U"aab"), (Found{{0, 1}, {1, 2}, {3, 3}}));
  EXPECT_EQ(matches("", U"ab"), (Found{{0, 0}, {1, 1}, {2, 2}}));
  EXPECT_EQ(matches("^.", U"a\nb\n"), (Found{{0, 1}, {2, 3}}));
  EXPECT_EQ(matches(".$", U"ab\nc"), (Found{{1, 2}, {3, 4}}));
  EXPECT_EQ(matches("a{,2}b", U"aaab"), (Found{{1, 4}}));
}

TEST(Regex, RefusesWhatItWouldNotFollowToTheLetter) {
  for (const char* pattern : {"(",      ")",           "[",           "[a",           "*a",
                              "a**",    "a{2}?",       "a{1,2}+",     "a{x}",         "(a)\\1",
                              "\\b",    "\\R",         "\\X",         "\\h",          "(?<n>a)",
                              "(?s:.)", "a(?i)b",      "(?x: a)",     "\\p{Klingon}", "\\p{}",
                              "\\pL",   "[[:alpha:]]", "[a&&b]",      "[z-a]",        "[a-\\d]",
                              "[]a]",   "(?i:ss)",     "(?i:\u00e9)", "(?i:\\p{Lu})", "(?:a|)*",
                              "(?=a)+", "\\xe4",       "\\u12",       "\\x{110000}",  "(?<=a+)b"}) {
    try {
      const Regex regex(pattern);
      ADD_FAILURE() << pattern << " is taken";
    } catch (const base::InputError& error) {
      EXPECT_NE(std::string(error.what()).find(pattern), std::string::npos) << error.what();
    }
  }
  std::string deep(100'000, '(');
  EXPECT_THROW(Regex{deep}, base::InputError);
}

TEST(Regex, TakesTimeLinearInTheText) {
  const Regex regex(R"([^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)");
  for (const char32_t c : {U' ', U'a', U'!', U'7', U'\n'}) {
    const auto make = [&](std::size_t size) { return std::u32string(size, c) + U"x"; };
    const auto read = [&](const std::u32string& text) { EXPECT_GT(regex.matches(text).size(), 0u); };
    EXPECT_LE(test::growth_of_ten_times(50'000, make, read), test::linear_at_most) << static_cast<std::uint32_t>(c);
  }
}

}  // namespace
}  // namespace layersweep::text
