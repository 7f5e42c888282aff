// Laws of the pipeline and of its template.
#include "text/components.hpp"

#include <gtest/gtest.h>

#include <random>

#include "base/utf8.hpp"
#include "tests/text/tokenizer_support.hpp"
#include "text/tokenizer.hpp"
#include "text/unicode.hpp"

namespace layersweep::text {
namespace {

using nlohmann::json;

TEST(Template, FingerprintTellsEveryTemplateFromEveryOther) {
  const auto told = [](const Template& around) {
    Fingerprint fingerprint;
    around.add_to(fingerprint);
    return fingerprint.hex();
  };
  Template of_one_segment = Template::around(0, 2);
  of_one_segment.pair.back().segment = of_one_segment.pair[3].segment = 0;
  Template with_two_between = of_one_segment;
  with_two_between.pair.insert(with_two_between.pair.begin() + 2, {.id = 2});
  const std::vector<Template> all{Template::around(0, 2),
                                  Template::around(2, 0),
                                  of_one_segment,
                                  with_two_between,
                                  {{{.source = 0}}, {{.source = 0}, {.source = 1}}}};
  for (std::size_t a = 0; a < all.size(); ++a) {
    for (std::size_t b = 0; b < all.size(); ++b) EXPECT_EQ(told(all[a]) == told(all[b]), a == b) << a << " " << b;
  }
}

/// Letters, marks, punctuation and white space, so that words of every kind meet.
std::u32string random_text(std::mt19937& random) {
  constexpr std::u32string_view characters =
      U"thefilmgoodun-.,!'[]#\u0301\u00e9\u00c9\u0130\u4e2d\u6587\uac00\U0001f600  \t\u00a0\u200b";
  std::u32string text(random() % 40, U' ');
  for (char32_t& c : text) c = characters[random() % characters.size()];
  return text;
}

// Without a normalizer each character belongs to one token, but for white space, which belongs to none.
TEST(Pipeline, TokensOfUnchangedTextAreItsWordsWithoutGaps) {
  const test::TemporaryFolder folder;
  json root = json::parse(test::read_file(test::tokenizer_fixtures() / "uncased" / "tokenizer.json"));
  root["normalizer"] = nullptr;
  test::write_file(folder.path() / "tokenizer.json", root.dump());
  const Tokenizer tokenizer = Tokenizer::open(folder.path());
  std::mt19937 random(1);
  std::size_t pieces = 0;
  for (int i = 0; i < 2000; ++i) {
    const std::u32string text = random_text(random);
    std::string utf8;
    for (const char32_t c : text) base::append_utf8(c, utf8);
    SCOPED_TRACE(utf8);
    const TokenizedText tokens = tokenizer.tokenize(utf8);
    std::int32_t end = 0;
    for (std::size_t t = 1; t + 1 < tokens.id.size(); ++t) {
      const bool goes_on = tokens.word_index[t] == tokens.word_index[t - 1];
      ASSERT_EQ(tokens.word_index[t] - tokens.word_index[t - 1], goes_on ? 0 : 1);
      ASSERT_LT(tokens.char_start[t], tokens.char_end[t]);
      ASSERT_TRUE(!goes_on || tokens.char_start[t] == end);
      for (; end < tokens.char_start[t]; ++end) ASSERT_TRUE(is_whitespace(text[static_cast<std::size_t>(end)]));
      for (; end < tokens.char_end[t]; ++end) ASSERT_FALSE(is_whitespace(text[static_cast<std::size_t>(end)]));
      pieces += goes_on;
    }
    for (; end < static_cast<std::int32_t>(text.size()); ++end)
      ASSERT_TRUE(is_whitespace(text[static_cast<std::size_t>(end)]));
  }
  EXPECT_GT(pieces, 500u);
}

}  // namespace
}  // namespace layersweep::text
