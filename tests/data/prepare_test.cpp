#include "data/prepare.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "data/sst.hpp"
#include "support/files.hpp"
#include "tests/text/tokenizer_support.hpp"

namespace layersweep::data {
namespace {

using testing::ElementsAre;

constexpr const char* kVocabulary =
    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nfilm\n##s\ndo\nn\n'\nt\nlove\n!\n2\n1\n/\ncafe\n";

class PrepareSst : public testing::Test {
 protected:
  PrepareSst() {
    std::filesystem::create_directories(folder_.path() / "sst");
    base::write_file_atomically(folder_.path() / "vocab.txt", kVocabulary);
  }

  Corpus prepare(std::string_view trees, std::int64_t max_length = 100) const {
    base::write_file_atomically(folder_.path() / "sst/dev.txt", trees);
    return prepare_sst(folder_.path(), terms::Split::dev, text::Tokenizer::open(folder_.path()), max_length);
  }

  test::TemporaryFolder folder_;
};

TEST_F(PrepareSst, GivesEveryTokenTheSentimentOfItsWord) {
  // "do" "n't" is two words of the treebank, four tokens; "films" is one word, two tokens; "2 1\/2" one leaf, four tokens.
  const Corpus corpus = prepare("(3 (1 (2 do) (0 n't)) (4 (3 love) (2 (1 films) (4 !))))\n(1 (3 2 1\\/2) (0 Café))\n");
  ASSERT_EQ(corpus.size(), 2);
  EXPECT_EQ(corpus.id(0), "sst/dev/0");
  EXPECT_EQ(corpus.id(1), "sst/dev/1");
  EXPECT_EQ(corpus.text(0), "do n't love films !");
  EXPECT_EQ(corpus.text(1), "2 1/2 Café");
  EXPECT_THAT(corpus.label(), ElementsAre(3, 1));
  EXPECT_THAT(corpus.token_id(), ElementsAre(2, 8, 9, 10, 11, 12, 6, 7, 13, 3, 2, 14, 15, 16, 14, 17, 3));
  EXPECT_THAT(corpus.sentiment(), ElementsAre(-1, 2, 0, 0, 0, 3, 1, 1, 4, -1, -1, 3, 3, 3, 3, 0, -1));
  EXPECT_THAT(corpus.part(), ElementsAre(0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 0));
  EXPECT_THAT(corpus.char_start().first(10), ElementsAre(-1, 0, 3, 4, 5, 7, 12, 16, 18, -1));
  EXPECT_THAT(corpus.segment(), testing::Each(0));
  EXPECT_THAT(corpus.query(), testing::IsEmpty());
}

TEST_F(PrepareSst, CutsAtMaxLength) {
  const Corpus corpus = prepare("(3 (2 do) (4 (3 love) (1 films)))\n", 4);
  EXPECT_THAT(corpus.token_id(), ElementsAre(2, 8, 12, 3));
  EXPECT_THAT(corpus.sentiment(), ElementsAre(-1, 2, 3, -1));
  EXPECT_EQ(corpus.text(0), "do love films");
  EXPECT_THAT(corpus.notes().lines(), ElementsAre("texts cut to 4 tokens (task.max_length): 1 (dev.txt:1)"));
  corpus.save(folder_.path() / "shard");
  EXPECT_EQ(Corpus::open(folder_.path() / "shard").notes().lines(), corpus.notes().lines());
  EXPECT_TRUE(prepare("(3 (2 do) (4 love))\n", 4).notes().empty());
}

TEST_F(PrepareSst, UndoesTheEscapesOfTheTreebank) {
  EXPECT_EQ(prepare("(3 (2 -LRB-) (4 (3 f\\*\\*k) (1 1\\/2-RRB-)))\n").text(0), "( f**k 1/2)");
}

TEST_F(PrepareSst, TextsThatAreCutAndWordlessAreTold) {
  const std::vector<TextRow> rows = {{{"a film do", {}}, "1", "", 1}, {{"  ", {}}, "", "", 2}, {{"love", {}}, "0", "x", 4}};
  const Corpus corpus = prepare_texts({rows, "my/own.txt", terms::Split::test}, text::Tokenizer::open(folder_.path()), 4,
                                      {{"0", 0}, {"1", 1}});
  EXPECT_THAT(corpus.label(), ElementsAre(1, -1, 0));
  EXPECT_EQ(corpus.id(1), "test/2");
  EXPECT_EQ(corpus.id(2), "x");
  EXPECT_THAT(corpus.notes().lines(),
              ElementsAre("texts cut to 4 tokens (task.max_length): 1 (own.txt:1)",
                          "texts without a word, of which only the special tokens are read: 1 (own.txt:2)"));
}

TEST(PrepareSstData, PutsEveryTokenInsideOneWordOfItsSentence) {
  const auto folder = test::data_dir();
  const auto encoder = test::minilm_dir();
  if (!folder || !std::filesystem::exists(encoder))
    GTEST_SKIP() << "needs LAYERSWEEP_DATA with sst/ and the encoder minilm-l6";
  const Corpus corpus = prepare_sst(*folder, terms::Split::dev, text::Tokenizer::open(encoder), 128);
  const auto sentences = read_sst(sst_file(*folder, terms::Split::dev));
  ASSERT_EQ(corpus.size(), std::ssize(sentences));
  for (std::int64_t example = 0; example < corpus.size(); ++example) {
    const SstSentence& sentence = sentences[static_cast<std::size_t>(example)];
    for (std::int64_t token = corpus.token_start()[example] + 1; token < corpus.token_start()[example + 1] - 1; ++token) {
      const auto holds = [&](const SstWord& word) {
        return word.char_start <= corpus.char_start()[token] && corpus.char_end()[token] <= word.char_end;
      };
      const auto word = std::ranges::find_if(sentence.words, holds);
      ASSERT_NE(word, sentence.words.end()) << corpus.id(example);
      ASSERT_EQ(word->sentiment, corpus.sentiment()[token]) << corpus.id(example);
    }
  }
}

TEST(TokenShardName, DependsOnAllThatDecidesTheContent) {
  const std::set<std::string> names{token_shard_name("sst", terms::Split::dev, "text", "tokenizer", 128),
                                    token_shard_name("squad", terms::Split::dev, "text", "tokenizer", 128),
                                    token_shard_name("sst", terms::Split::test, "text", "tokenizer", 128),
                                    token_shard_name("sst", terms::Split::dev, "other", "tokenizer", 128),
                                    token_shard_name("sst", terms::Split::dev, "text", "other", 128),
                                    token_shard_name("sst", terms::Split::dev, "text", "tokenizer", 64)};
  EXPECT_EQ(names.size(), 6U);
  EXPECT_THAT(*names.rbegin(), testing::MatchesRegex("sst-test-[0-9a-f]{16}\\.safetensors"));
}

Corpus small_corpus() {
  Example example;
  example.id = "x/0";
  example.token_id = {1, 2};
  example.segment = example.word_index = example.char_start = example.char_end = {0, 0};
  example.part = {1, 1};
  return Corpus::pack({example});
}

TEST(OpenOrMake, MakesOnceAndThenOpens) {
  const test::TemporaryFolder folder;
  const auto shard = folder.path() / "tokens" / "new" / "x.safetensors";
  int made = 0;
  const auto make = [&] {
    ++made;
    return small_corpus();
  };
  EXPECT_EQ(open_or_make(shard, make).token_total(), 2);
  EXPECT_EQ(open_or_make(shard, make).token_total(), 2);
  EXPECT_EQ(made, 1);
}

TEST(OpenOrMake, RefusesADamagedShardAndSaysWhatToDo) {
  const test::TemporaryFolder folder;
  base::write_file_atomically(folder.path() / "x.safetensors", "rubbish");
  EXPECT_THAT([&] { open_or_make(folder.path() / "x.safetensors", small_corpus); },
              testing::ThrowsMessage<base::InputError>(testing::HasSubstr("x.safetensors")));
}

TEST(OpenOrMake, LeavesNothingWhenMakingFails) {
  const test::TemporaryFolder folder;
  const auto shard = folder.path() / "x.safetensors";
  EXPECT_THROW(open_or_make(shard, []() -> Corpus { throw base::InputError("no text"); }), base::InputError);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  base::write_file_atomically(folder.path() / "file", "");
  EXPECT_THROW(open_or_make(folder.path() / "file" / "x", small_corpus), base::InputError);
}

TEST(OpenOrMake, IsSafeWhenManyComeAtOnce) {
  const test::TemporaryFolder folder;
  const auto shard = folder.path() / "tokens" / "x.safetensors";
  std::atomic<int> right = 0;
  {
    std::vector<std::jthread> ranks;
    for (int rank = 0; rank < 8; ++rank) {
      ranks.emplace_back([&] { right += open_or_make(shard, small_corpus).token_total() == 2; });
    }
  }
  EXPECT_EQ(right, 8);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(shard.parent_path()), {}), 1);
}

}  // namespace
}  // namespace layersweep::data
