#include "base/printable.hpp"

#include <gmock/gmock.h>
#include <utf8proc.h>

#include <array>
#include <random>

#include "base/error.hpp"
#include "base/log.hpp"
#include "base/utf8.hpp"

namespace layersweep::base {
namespace {

TEST(Printable, EscapesWhatSteersATerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\tc\x7f"), "a\\x1b[2Jb\\r\\n\\tc\\x7f");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\u009b31m\u0085"), "\\u009b31m\\u0085");  // C1: a terminal may take U+009B for ESC [
}

TEST(Printable, EscapesWhatTurnsOrHidesText) {
  EXPECT_EQ(printable("user\u202Etxt.exe"), "user\\u202etxt.exe");
  EXPECT_EQ(printable("\u061C\u200E\u200F\u202A\u2066\u2069"), "\\u061c\\u200e\\u200f\\u202a\\u2066\\u2069");
  EXPECT_EQ(printable("a\u2028b\u2029\uFEFF\u200B\u00AD"), "a\\u2028b\\u2029\\ufeff\\u200b\\u00ad");
  EXPECT_EQ(printable("\U000E0041"), "\\U000e0041");
}

TEST(Printable, EscapesEachByteThatIsNotUtf8) {
  EXPECT_EQ(printable("a\xff\xe2\x82z"), "a\\xff\\xe2\\x82z");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
}

TEST(Printable, LeavesOrdinaryTexts) {
  for (const char* text :
       {"", "plain", "Grüße, naïve Ærø", "映画館", "Привет", "שלום", "مرحبا", "e\u0301", "C:\\temp\\x1b", "👩\u200D💻",
        "🏳\uFE0F\u200D🌈", "👨🏽\u200D🚀", "می\u200Cخواهم", "क्\u200Dष", "🇩🇪", "\uFFFD"}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, KeepsJoinersOnlyWhereTheyJoin) {
  EXPECT_EQ(printable("ad\u200Dmin"), "ad\\u200dmin");
  EXPECT_EQ(printable("\u200D映"), "\\u200d映");
  EXPECT_EQ(printable("映\u200D"), "映\\u200d");
  EXPECT_EQ(printable("映\u200D\u202E映"), "映\\u200d\\u202e映");
  EXPECT_EQ(printable("映\u200D\u200D映"), "映\\u200d\\u200d映");
  EXPECT_EQ(printable("映\u200D\xff"), "映\\u200d\\xff");
}

TEST(Printable, KeepsLineBreaksWhereAsked) { EXPECT_EQ(printable_lines("one\ntwo\r\x1b\n"), "one\ntwo\\r\\x1b\n"); }

// What utf8proc, another source, calls a control character, an end of a line or ignorable; and what turns text.
TEST(Printable, EscapesExactlyTheCharactersThatUnicodeNames) {
  for (utf8proc_int32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    utf8proc_uint8_t bytes[4];
    const std::string text(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(utf8proc_encode_char(c, bytes)));
    const utf8proc_property_t& property = *utf8proc_get_property(c);
    const auto category = utf8proc_category(c);
    if (category == UTF8PROC_CATEGORY_CN) continue;  // no character yet
    const bool selects_a_variant = (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x180B && c <= 0x180F && c != 0x180E);
    const bool annotates = c >= 0xFFF9 && c <= 0xFFFB;
    const bool named = category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_ZL ||
                       category == UTF8PROC_CATEGORY_ZP || property.bidi_class == UTF8PROC_BIDI_CLASS_RLO ||
                       (property.ignorable != 0 && !selects_a_variant) || annotates;
    ASSERT_EQ(printable(text) != text, named) << std::hex << c;
  }
}

TEST(Printable, IsPrintableAtOnce) {
  std::mt19937 random(1);
  constexpr std::array parts{"a", "é", "映", "\u200D", "\u202E", "\n", "\xff", "\xe2\x82", "\\", "🙂", "\x1b"};
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (int length = 0; length < 6; ++length) text += parts[random() % parts.size()];
    const std::string once = printable(text);
    ASSERT_EQ(printable(once), once) << testing::PrintToString(text);
    ASSERT_FALSE(first_ill_formed(once));
  }
}

TEST(InputError, IsPrintableInAllItsParts) {
  EXPECT_STREQ(InputError("cannot read a\x1b[2J", "line\nbreak", "Try \u202E").what(),
               "cannot read a\\x1b[2J: line\\nbreak. Try \\u202e");
  EXPECT_STREQ(InputError("a\rb\xff").what(), "a\\rb\\xff");
  EXPECT_STREQ(UsageError("a\rb").what(), "a\\rb");
}

TEST(Log, WritesNothingThatSteersATerminal) {
  testing::internal::CaptureStderr();
  world_info("{}\n  of our own", "name\x1b[2J");
  world_warning(std::string_view("\u202E"));
  local_warning("\r");
  local_error("\xff");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "name\\x1b[2J\n  of our own\nwarning: \\u202e\nwarning: \\r\nerror: \\xff\n");
}

}  // namespace
}  // namespace layersweep::base
