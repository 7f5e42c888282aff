// Every Unicode character is normalised and split as `tokenizers` does it, whichever utf8proc is installed.
#include <gtest/gtest.h>

#include <map>

#include "base/hash.hpp"
#include "data/tokenizer_normalize.hpp"
#include "data/tokenizer_unicode.hpp"
#include "tests/data/tokenizer_support.hpp"

namespace layersweep::data {
namespace {

using nlohmann::json;

std::u32string all_code_points() {
  std::u32string points;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c < 0xD800 || c >= 0xE000) points += c;
  }
  return points;
}

json recorded_hashes() { return json::parse(test::read_file(test::tokenizer_fixtures() / "hashes.json")).at("code_points"); }

std::string normalized_utf8(const std::u32string& text, const NormalizerSettings& settings) {
  std::string utf8;
  for (const char32_t c : normalize(align(text, 0, text.size()), settings).text) append_utf8(c, utf8);
  return utf8;
}

TEST(TokenizerUnicode, NormalisesEveryCodePointAsTheReference) {
  const std::u32string points = all_code_points();
  const std::map<std::string, NormalizerSettings> settings{{"clean", {true, false, false, false}},
                                                           {"chinese", {false, true, false, false}},
                                                           {"strip", {false, false, true, false}},
                                                           {"lower", {false, false, false, true}},
                                                           {"all", {true, true, true, true}}};
  for (const auto& [name, flags] : settings) {
    base::Sha256 hash;
    for (std::size_t begin = 0; begin < points.size(); begin += 256) {
      std::u32string alone;
      std::u32string among_marks;
      for (const char32_t c : points.substr(begin, 256)) {
        alone += {U'a', c};
        among_marks += {U'a', U'\u0345', U'\U0001d165', c, U'\U0001d165'};
      }
      hash.add(normalized_utf8(alone, flags));
      hash.add(normalized_utf8(among_marks, flags));
    }
    EXPECT_EQ(hash.hex(), recorded_hashes().at(name).get<std::string>()) << name;
  }
}

TEST(TokenizerUnicode, SplitsAtEveryCodePointAsTheReference) {
  std::string kinds;
  for (const char32_t c : all_code_points()) kinds += is_whitespace(c) ? 's' : is_punctuation(c) ? 'p' : 'w';
  EXPECT_EQ(base::sha256_of_text(kinds), recorded_hashes().at("split").get<std::string>());
}

TEST(TokenizerUnicode, Utf8OfEveryCodePointIsReadBack) {
  const std::u32string points = all_code_points();
  std::string utf8;
  for (const char32_t c : points) append_utf8(c, utf8);
  EXPECT_TRUE(decode_utf8(utf8) == points);
}

TEST(TokenizerUnicode, IllFormedUtf8IsReplacedAsPythonDoesIt) {
  const auto cases = test::read_json_lines(test::tokenizer_fixtures() / "utf8.jsonl");
  ASSERT_GT(cases.size(), 50u);
  for (const json& expected : cases) {
    const auto hex = expected.at("bytes").get<std::string>();
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    std::string again;
    for (const char32_t c : decode_utf8(bytes)) append_utf8(c, again);
    EXPECT_EQ(again, expected.at("text").get<std::string>()) << hex;
  }
}

}  // namespace
}  // namespace layersweep::data
