// All of SST and SQuAD, against the hashes of all token ids that scripts/make_tokenizer_fixtures.py recorded.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "base/hash.hpp"
#include "tests/text/tokenizer_support.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::text {
namespace {

using nlohmann::json;

void add_ids(const TokenizedText& text, base::Sha256& hash) {
  std::string line;
  for (const std::int32_t id : text.id) line += (line.empty() ? "" : " ") + std::to_string(id);
  hash.add(line + "\n");
}

/// The words of one tree of the treebank: what stands between "(d " and ")" without a bracket. Written apart from the reader
/// of src/data on purpose.
std::string sentence_of_tree(const std::string& tree) {
  std::string sentence;
  for (std::size_t close = tree.find(')'); close != std::string::npos; close = tree.find(')', close + 1)) {
    const std::size_t open = tree.rfind('(', close);
    if (tree.find(')', open) != close) continue;  // closes an inner node
    sentence += (sentence.empty() ? "" : " ") + tree.substr(open + 3, close - open - 3);
  }
  return sentence;
}

class TokenizerCorpus : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::data_dir()) GTEST_SKIP() << "LAYERSWEEP_DATA names no folder";
    if (!std::filesystem::exists(test::minilm_dir())) GTEST_SKIP() << test::minilm_dir() << " is not there";
    recorded_ = json::parse(test::read_file(test::tokenizer_fixtures() / "hashes.json")).at("minilm-l6");
    tokenizer_ = Tokenizer::open(test::minilm_dir());
    base::Sha256 vocabulary;
    for (std::int32_t id = 0; id < tokenizer_->vocabulary_size(); ++id) vocabulary.add(tokenizer_->token_text(id) + "\n");
    if (vocabulary.hex() != recorded_.at("vocabulary")) GTEST_SKIP() << test::minilm_dir() << " has another vocabulary";
  }

  void expect_hash(const char* name, base::Sha256& hash, std::size_t count) {
    EXPECT_EQ(count, recorded_.at(name).at("texts").get<std::size_t>()) << name;
    EXPECT_EQ(hash.hex(), recorded_.at(name).at("sha256").get<std::string>()) << name;
    std::printf("%s: %zu texts compared\n", name, count);
  }

  json recorded_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_F(TokenizerCorpus, SstIsTokenisedAsTheReferenceDoes) {
  const auto begin = std::chrono::steady_clock::now();
  base::Sha256 hash;
  std::size_t count = 0;
  for (const char* split : {"train", "dev", "test"}) {
    std::ifstream in(*test::data_dir() / "sst" / (std::string(split) + ".txt"));
    for (std::string tree; std::getline(in, tree); ++count) add_ids(tokenizer_->tokenize(sentence_of_tree(tree)), hash);
  }
  expect_hash("sst", hash, count);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("SST in %.2f s\n", seconds.count());
}

TEST_F(TokenizerCorpus, SquadIsTokenisedAsTheReferenceDoes) {
  base::Sha256 passages;
  base::Sha256 questions;
  base::Sha256 pairs;
  std::size_t passage_count = 0;
  std::size_t question_count = 0;
  for (const char* name : {"train-v1.1.part.json", "dev-v1.1.xquad.json"}) {
    const json root = json::parse(test::read_file(*test::data_dir() / "squad" / name));
    for (const json& article : root.at("data")) {
      for (const json& paragraph : article.at("paragraphs")) {
        const auto passage = paragraph.at("context").get<std::string>();
        add_ids(tokenizer_->tokenize(passage), passages);
        ++passage_count;
        for (const json& qa : paragraph.at("qas")) {
          const auto question = qa.at("question").get<std::string>();
          add_ids(tokenizer_->tokenize(question), questions);
          add_ids(tokenizer_->tokenize_pair(question, passage, 128), pairs);
          ++question_count;
        }
      }
    }
  }
  expect_hash("squad_passages", passages, passage_count);
  expect_hash("squad_questions", questions, question_count);
  expect_hash("squad_pairs_128", pairs, question_count);
}

}  // namespace
}  // namespace layersweep::text
