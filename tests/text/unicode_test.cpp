// Every Unicode character is normalised and split as `tokenizers` does it, whichever utf8proc is installed.
#include <gtest/gtest.h>

#include <array>

#include "base/hash.hpp"
#include "base/utf8.hpp"
#include "tests/text/tokenizer_support.hpp"
#include "text/components.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
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

std::string normalized_utf8(const std::u32string& text, const Normalizer& normalizer) {
  std::string utf8;
  for (const char32_t c : normalizer.normalize(align(text, 0, text.size())).text) base::append_utf8(c, utf8);
  return utf8;
}

TEST(TokenizerUnicode, NormalisesEveryCodePointAsTheReference) {
  const std::u32string points = all_code_points();
  for (const char* name : {"clean", "chinese", "strip", "lower", "all"}) {
    const auto flag = [&](const char* of) { return std::string_view(name) == "all" || std::string_view(name) == of; };
    const auto normalizer = read_normalizer({"",
                                             {{"type", "BertNormalizer"},
                                              {"clean_text", flag("clean")},
                                              {"handle_chinese_chars", flag("chinese")},
                                              {"strip_accents", flag("strip")},
                                              {"lowercase", flag("lower")}}});
    base::Sha256 hash;
    for (std::size_t begin = 0; begin < points.size(); begin += 256) {
      std::u32string alone;
      std::u32string among_marks;
      for (const char32_t c : points.substr(begin, 256)) {
        alone += {U'a', c};
        among_marks += {U'a', U'\u0345', U'\U0001d165', c, U'\U0001d165'};
      }
      hash.add(normalized_utf8(alone, *normalizer));
      hash.add(normalized_utf8(among_marks, *normalizer));
    }
    EXPECT_EQ(hash.hex(), recorded_hashes().at(name).get<std::string>()) << name;
  }
}

// Alone, among marks, before a mark, and in the clusters of pictographs and of consonants.
TEST(TokenizerUnicode, EachNormalizerGivesOfEveryCodePointWhatTheReferenceGives) {
  const std::u32string points = all_code_points();
  const auto cases = test::read_json_lines(test::tokenizer_fixtures() / "normalizers.jsonl");
  ASSERT_GE(cases.size(), 10u);
  for (const json& expected : cases) {
    const auto normalizer = read_normalizer({"", expected.at("normalizer")});
    base::Sha256 hash;
    for (std::size_t begin = 0; begin < points.size(); begin += 256) {
      std::array<std::u32string, 6> forms;
      for (const char32_t c : points.substr(begin, 256)) {
        forms[0] += {U'a', c};
        forms[1] += {U'a', U'\u0345', U'\U0001d165', c, U'\U0001d165'};
        forms[2] += {c, U'e', U'\u0301'};
        forms[3] += {U'\u00a9', U'\u200d', c};
        forms[4] += {U'\u0915', U'\u094d', c, U'e', U'\u20d0'};
        forms[5] += {U'\u00a9', c, U'\u200d', U'\u00a9', U'\u0301'};
      }
      for (const std::u32string& form : forms) hash.add(normalized_utf8(form, *normalizer));
    }
    EXPECT_EQ(hash.hex(), expected.at("sha256").get<std::string>()) << expected.at("normalizer").at("type");
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
  for (const char32_t c : points) base::append_utf8(c, utf8);
  EXPECT_TRUE(base::decode_utf8(utf8) == points);
}

TEST(TokenizerUnicode, IllFormedUtf8IsReplacedAsPythonDoesIt) {
  const auto cases = test::read_json_lines(test::tokenizer_fixtures() / "utf8.jsonl");
  ASSERT_GT(cases.size(), 50u);
  for (const json& expected : cases) {
    const auto hex = expected.at("bytes").get<std::string>();
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    std::string again;
    for (const char32_t c : base::decode_utf8(bytes)) base::append_utf8(c, again);
    EXPECT_EQ(again, expected.at("text").get<std::string>()) << hex;
  }
}

}  // namespace
}  // namespace layersweep::text
