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

}  // namespace
}  // namespace layersweep::data
