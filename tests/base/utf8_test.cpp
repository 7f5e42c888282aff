#include "base/utf8.hpp"

#include <gmock/gmock.h>
#include <utf8proc.h>

#include <random>
#include <string>
#include <vector>

namespace layersweep::base {
namespace {

using testing::ElementsAre;

std::vector<std::string> pieces(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const Character next = take_character(text);
    all.push_back((next.code_point ? "" : "!") + std::string(next.bytes));
  }
  return all;
}

TEST(Utf8, TakesCharactersOfEveryWidth) {
  EXPECT_THAT(pieces(std::string_view("a\0é€🙂", 11)), ElementsAre("a", std::string(1, '\0'), "é", "€", "🙂"));
  std::string_view text = "🙂";
  EXPECT_EQ(take_character(text).code_point, U'🙂');
}

TEST(Utf8, TakesIllFormedBytesInLargestPieces) {
  EXPECT_THAT(pieces("\xe2\x82"), ElementsAre("!\xe2\x82"));
  EXPECT_THAT(pieces("\xf0\x9f\x99"
                     "a\x80"),
              ElementsAre("!\xf0\x9f\x99", "a", "!\x80"));
  EXPECT_THAT(pieces("\xed\xa0\x80"), ElementsAre("!\xed", "!\xa0", "!\x80"));
}

TEST(Utf8, FindsWhatIsIllFormed) {
  EXPECT_FALSE(first_ill_formed("aé€🙂"));
  EXPECT_EQ(first_ill_formed("a\xff"), 1U);
  EXPECT_EQ(first_ill_formed("é\xc3"), 2U);             // cut short
  EXPECT_EQ(first_ill_formed("\xc0\xaf"), 0U);          // overlong
  EXPECT_EQ(first_ill_formed("ab\xed\xa0\x80"), 2U);    // a surrogate
  EXPECT_EQ(first_ill_formed("\xf4\x90\x80\x80"), 0U);  // beyond U+10FFFF
}

// As an independent reader sees them: every code point, and bytes that often begin one.
TEST(Utf8, AgreesWithUtf8proc) {
  const auto reference = [](std::string_view text) {
    utf8proc_int32_t code_point = -1;
    const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                         static_cast<utf8proc_ssize_t>(text.size()), &code_point);
    return length > 0 ? std::optional(static_cast<char32_t>(code_point)) : std::nullopt;
  };
  for (utf8proc_int32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    utf8proc_uint8_t bytes[4];
    std::string_view text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(utf8proc_encode_char(c, bytes)));
    ASSERT_EQ(take_character(text).code_point, static_cast<char32_t>(c));
    ASSERT_TRUE(text.empty());
  }
  std::mt19937 random(1);
  constexpr std::string_view bytes = "a\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf3\xf4\xf5\xff";
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (int length = 0; length < 4; ++length) text += bytes[random() % bytes.size()];
    std::string_view left = text;
    ASSERT_EQ(take_character(left).code_point, reference(text)) << testing::PrintToString(text);
  }
}

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
}  // namespace layersweep::base
