// The tokenizer gives what Hugging Face `tokenizers` gave when the fixtures were made.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/text/tokenizer_support.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::text {
namespace {

using nlohmann::json;
using Column = std::vector<std::int32_t>;

class TokenizerReference : public testing::TestWithParam<const char*> {};

TokenizedText tokenize_case(const Tokenizer& tokenizer, const json& expected) {
  const auto text = expected.at("text").get<std::string>();
  const std::int64_t max_length = expected.value("max", Tokenizer::unlimited);
  if (!expected.contains("second")) return tokenizer.tokenize(text, max_length);
  return tokenizer.tokenize_pair(text, expected.at("second").get<std::string>(), max_length);
}

TEST_P(TokenizerReference, GivesTheSameTokensWordsAndOffsets) {
  const Tokenizer tokenizer = Tokenizer::open(test::tokenizer_fixtures() / GetParam());
  const auto cases = test::read_json_lines(test::tokenizer_fixtures() / (std::string(GetParam()) + ".jsonl"));
  ASSERT_GT(cases.size(), 100u);
  std::size_t known_tokens = 0;
  for (const json& expected : cases) {
    SCOPED_TRACE(expected.dump());
    const TokenizedText found = tokenize_case(tokenizer, expected);
    EXPECT_EQ(found.id, expected.at("id").get<Column>());
    EXPECT_EQ(found.word_index, expected.at("word").get<Column>());
    EXPECT_EQ(found.char_start, expected.at("start").get<Column>());
    EXPECT_EQ(found.char_end, expected.at("end").get<Column>());
    Column source;  // unless it is given, of one text with what stands around it
    for (const std::int32_t word : found.word_index) source.push_back(word < 0 ? -1 : 0);
    Column segment(found.id.size(), 0);
    EXPECT_EQ(found.source, expected.value("source", source));
    EXPECT_EQ(found.segment, expected.value("segment", segment));
    known_tokens += found.id.size() - static_cast<std::size_t>(std::ranges::count(found.id, tokenizer.special().unknown));
  }
  // Else the test would only show that both sides know nothing.
  EXPECT_GT(known_tokens, 800u);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, TokenizerReference,
                         testing::Values("uncased", "cased", "vocabulary", "raw", "added", "roberta_with_prefix", "llama3",
                                         "deepseek", "behaviors", "words", "byte_fallback", "xlm_roberta", "albert",
                                         "deberta", "camembert", "t5"),
                         [](const auto& suite) { return std::string(suite.param); });

TEST(Tokenizer, TruncationKeepsAPrefixOfEachText) {
  const Tokenizer tokenizer = Tokenizer::open(test::tokenizer_fixtures() / "uncased");
  const std::string first = "the film isn't good, the movie is";
  const std::string second = "un-watchable performances";
  const TokenizedText whole = tokenizer.tokenize_pair(first, second);
  const auto of_source = [](const TokenizedText& text, std::int32_t source) {
    Column ids;
    for (std::size_t i = 0; i < text.id.size(); ++i) {
      if (text.source[i] == source) ids.push_back(text.id[i]);
    }
    return ids;
  };
  for (std::int64_t length = 3; length <= whole.size() + 1; ++length) {
    const TokenizedText cut = tokenizer.tokenize_pair(first, second, length);
    EXPECT_EQ(cut.size(), std::min(length, whole.size()));
    for (const std::int32_t source : {0, 1}) {
      const Column all = of_source(whole, source);
      const Column kept = of_source(cut, source);
      ASSERT_LE(kept.size(), all.size());
      EXPECT_TRUE(std::equal(kept.begin(), kept.end(), all.begin()));
    }
  }
}

}  // namespace
}  // namespace layersweep::text
