#include "data/utf8.hpp"

#include <gtest/gtest.h>

namespace layersweep::data {
namespace {

TEST(Utf8, CountsCodePointsOfEveryWidth) {
  EXPECT_EQ(count_code_points(""), 0);
  EXPECT_EQ(count_code_points("aé€🙂"), 4);
}

TEST(Utf8, FindsThePlaceOfEachCodePoint) {
  const std::string_view text = "aé€🙂b";
  const std::size_t places[] = {0, 1, 3, 6, 10, 11};
  for (std::int64_t index = 0; index < 6; ++index) EXPECT_EQ(byte_of_code_point(text, index), places[index]);
  EXPECT_FALSE(byte_of_code_point(text, 6));
  EXPECT_FALSE(byte_of_code_point(text, -1));
  EXPECT_EQ(byte_of_code_point("", 0), 0U);
}

TEST(Utf8, FindsWhatIsIllFormed) {
  EXPECT_FALSE(first_ill_formed("aé€🙂"));
  EXPECT_EQ(first_ill_formed("a\xff"), 1U);
  EXPECT_EQ(first_ill_formed("é\xc3"), 2U);             // cut short
  EXPECT_EQ(first_ill_formed("\xc0\xaf"), 0U);          // overlong
  EXPECT_EQ(first_ill_formed("ab\xed\xa0\x80"), 2U);    // a surrogate
  EXPECT_EQ(first_ill_formed("\xf4\x90\x80\x80"), 0U);  // beyond U+10FFFF
}

}  // namespace
}  // namespace layersweep::data
