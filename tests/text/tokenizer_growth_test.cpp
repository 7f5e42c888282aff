// Tokenizers and texts made to take long: what ten times as large an input takes.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "support/growth.hpp"
#include "tests/text/tokenizer_support.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::text {
namespace {

using nlohmann::json;

json uncased() { return json::parse(test::read_file(test::tokenizer_fixtures() / "uncased" / "tokenizer.json")); }

struct Folder {
  explicit Folder(const json& tokenizer) { test::write_file(folder->path() / "tokenizer.json", tokenizer.dump()); }
  Tokenizer open() const { return Tokenizer::open(folder->path()); }
  std::unique_ptr<test::TemporaryFolder> folder = std::make_unique<test::TemporaryFolder>();
};

json added(std::int64_t id, const std::string& content) {
  return {{"id", id}, {"content", content}, {"normalized", false}, {"special", false}};
}

TEST(TokenizerGrowth, AddedTokensAreReadInLinearTime) {
  const auto make = [](std::size_t tokens) {
    json root = uncased();
    for (std::size_t i = 0; i < tokens; ++i) root["added_tokens"].push_back(added(10'000 + i, fmt::format("<{}>", i)));
    return Folder(root);
  };
  EXPECT_LE(test::growth_of_ten_times(5'000, make, [](const Folder& folder) { folder.open(); }), test::linear_at_most);
}

TEST(TokenizerGrowth, AddedTokensAreFoundInTimeLinearInTextAndTokens) {
  struct Input {
    Tokenizer tokenizer;
    std::string text;
  };
  const auto make = [](std::size_t size) {
    json root = uncased();
    for (std::size_t i = 0; i < size; ++i) root["added_tokens"].push_back(added(10'000 + i, fmt::format("<{}>", i)));
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += "<";
    return Input{Folder(root).open(), text + "<7>"};
  };
  const auto read = [](const Input& input) {
    const TokenizedText tokens = input.tokenizer.tokenize(input.text);
    EXPECT_EQ(tokens.id.at(tokens.id.size() - 2), 10'007);
  };
  EXPECT_LE(test::growth_of_ten_times(1'000, make, read), test::linear_at_most);
}

// Each token of white space takes along all that follows, as it does in the reference.
TEST(TokenizerGrowth, WhiteSpaceThatTokensTakeAlongIsReadOnce) {
  json root = uncased();
  json blank = added(10'000, " ");
  blank["rstrip"] = true;
  root["added_tokens"].push_back(blank);
  const Tokenizer tokenizer = Folder(root).open();
  const auto make = [](std::size_t size) { return std::string(size, ' '); };
  const auto read = [&](const std::string& text) {
    const TokenizedText tokens = tokenizer.tokenize(text);
    ASSERT_EQ(tokens.size(), static_cast<std::int64_t>(text.size()) + 2);
    EXPECT_EQ(tokens.char_end[1], static_cast<std::int32_t>(text.size()));
  };
  EXPECT_LE(test::growth_of_ten_times(5'000, make, read), test::linear_at_most);
}

// A limit on words as high as ids go, so that one word is spelled piece by piece.
TEST(TokenizerGrowth, LongWordsAreSpelledInLinearTime) {
  json root = uncased();
  root["model"]["max_input_chars_per_word"] = 2'000'000'000;
  const Tokenizer tokenizer = Folder(root).open();
  const auto make = [](std::size_t size) {
    std::string word;
    while (word.size() < size) word += "unwatchable";
    return word;
  };
  const auto read = [&](const std::string& word) { EXPECT_GT(tokenizer.tokenize(word).size(), 3); };
  EXPECT_LE(test::growth_of_ten_times(20'000, make, read), test::linear_at_most);
}

// A piece that each place of the word almost is.
TEST(TokenizerGrowth, LongPiecesCostNoMoreThanTheirLength) {
  struct Input {
    Tokenizer tokenizer;
    std::string word;
  };
  const auto make = [](std::size_t size) {
    json root = uncased();
    root["model"]["max_input_chars_per_word"] = 2'000'000'000;
    const std::string half(size / 2, 'a');
    for (const auto& [piece, id] : {std::pair{"a", 9'000}, {"##a", 9'001}}) {
      if (!root["model"]["vocab"].contains(piece)) root["model"]["vocab"][piece] = id;
    }
    root["model"]["vocab"]["##" + half + "b"] = 9'002;
    return Input{Folder(root).open(), std::string(size, 'a')};
  };
  const auto read = [](const Input& input) {
    EXPECT_EQ(input.tokenizer.tokenize(input.word).size(), static_cast<std::int64_t>(input.word.size()) + 2);
  };
  EXPECT_LE(test::growth_of_ten_times(2'000, make, read), test::linear_at_most);
}

// Likewise for the pieces of a model that tries all of them.
TEST(TokenizerGrowth, LongPiecesWithScoresCostNoMoreThanTheirLength) {
  struct Input {
    Tokenizer tokenizer;
    std::string word;
  };
  const auto make = [](std::size_t size) {
    json root = json::parse(test::read_file(test::tokenizer_fixtures() / "xlm_roberta" / "tokenizer.json"));
    root["model"]["vocab"].push_back({std::string(size / 2, 'a') + "bbb", -1.0});
    return Input{Folder(root).open(), std::string(size, 'a')};
  };
  const auto read = [](const Input& input) { EXPECT_EQ(input.tokenizer.tokenize(input.word).char_end.at(1), 1); };
  EXPECT_LE(test::growth_of_ten_times(5'000, make, read), test::linear_at_most);
}

// Without a pre-tokenizer a text is one word.
TEST(TokenizerGrowth, LongWordsAreMergedInLittleMore) {
  json root = json::parse(test::read_file(test::tokenizer_fixtures() / "byte_fallback" / "tokenizer.json"));
  root["pre_tokenizer"] = nullptr;
  const Tokenizer tokenizer = Folder(root).open();
  const auto make = [](std::size_t size) {
    std::string text;
    while (text.size() < size) text += "the film isn't unwatchable ";
    return text;
  };
  const auto read = [&](const std::string& text) {
    EXPECT_LT(tokenizer.tokenize(text).size(), static_cast<std::int64_t>(text.size()) / 2);
  };
  EXPECT_LE(test::growth_of_ten_times(20'000, make, read), test::linear_at_most);
}

TEST(TokenizerGrowth, MarksOfOneLetterAreSortedInLittleMore) {
  const Tokenizer tokenizer = Tokenizer::open(test::tokenizer_fixtures() / "uncased");
  const auto make = [](std::size_t size) {
    std::string text = "e";
    for (std::size_t i = 0; i < size; ++i) text += i % 2 == 0 ? "\u0301" : "\u0323";
    return text;
  };
  const auto read = [&](const std::string& text) { EXPECT_EQ(tokenizer.tokenize(text).size(), 3); };
  EXPECT_LE(test::growth_of_ten_times(20'000, make, read), test::linear_at_most);
}

}  // namespace
}  // namespace layersweep::text
