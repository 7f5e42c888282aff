// Windows of passages against the reference, answers by character offsets, texts by hash.
#include "data/examples.hpp"

#include <gmock/gmock.h>

#include <numeric>
#include <set>

#include "base/error.hpp"
#include "data/hash_split.hpp"
#include "data/prepare.hpp"
#include "data/squad_score.hpp"
#include "support/files.hpp"
#include "tests/text/tokenizer_support.hpp"

namespace layersweep::data {
namespace {

using nlohmann::json;
using Column = std::vector<std::int32_t>;
using testing::ElementsAre;
using testing::HasSubstr;

text::Tokenizer small_tokenizer() { return text::Tokenizer::open(test::tokenizer_fixtures() / "uncased"); }

TEST(Windows, AreThoseOfTheReference) {
  const text::Tokenizer tokenizer = small_tokenizer();
  const auto cases = test::read_json_lines(test::source_dir() / "tests/data/fixtures/squad/windows.jsonl");
  ASSERT_GT(cases.size(), 30u);
  std::size_t windows = 0;
  for (const json& expected : cases) {
    SCOPED_TRACE(expected.dump());
    const auto found =
        tokenizer
            .tokenize_windows(expected.at("question").get<std::string>(), expected.at("passage").get<std::string>(),
                              expected.at("longest"), expected.at("stride"), 64)
            .texts;
    const json& all = expected.at("windows");
    ASSERT_EQ(found.size(), all.size());
    for (std::size_t w = 0; w < found.size(); ++w) {
      EXPECT_EQ(found[w].id, all[w].at("id").get<Column>());
      EXPECT_EQ(found[w].segment, all[w].at("segment").get<Column>());
      EXPECT_EQ(found[w].char_start, all[w].at("start").get<Column>());
      EXPECT_EQ(found[w].char_end, all[w].at("end").get<Column>());
    }
    windows += found.size();
  }
  EXPECT_GT(windows, 2 * cases.size());
}

TEST(Windows, CoverThePassageWhateverTheSettings) {
  const text::Tokenizer tokenizer = small_tokenizer();
  std::string question, passage;
  for (int word = 0; word < 30; ++word) question += "film ";
  for (int word = 0; word < 100; ++word) passage += "movie ";
  for (const std::int64_t longest : {5, 6, 8, 20, 33, 60, 140}) {
    for (const std::int64_t overlap : {0, 1, 7, 1000}) {
      const auto windows = tokenizer.tokenize_windows(question, passage, longest, overlap, 12).texts;
      std::set<std::int32_t> covered;
      for (const text::TokenizedText& window : windows) {
        EXPECT_LE(window.size(), longest);
        std::int64_t asked = 0;
        for (std::size_t token = 0; token < window.id.size(); ++token) {
          asked += window.source[token] == 0;
          if (window.source[token] == 1) covered.insert(window.char_start[token]);
        }
        EXPECT_EQ(asked, longest < 30 + 100 + 3 ? std::min<std::int64_t>(12, (longest - 3) / 2) : 30);
      }
      EXPECT_EQ(covered.size(), 100u) << longest << " " << overlap;
      EXPECT_LT(windows.size(), 110u);
    }
  }
}

TEST(Windows, CutNothingThatFits) {
  const text::Tokenizer tokenizer = small_tokenizer();
  std::string question;
  for (int word = 0; word < 40; ++word) question += "film ";
  const auto kept = [&](const std::string& passage, std::int64_t longest) {
    const text::Windows windows = tokenizer.tokenize_windows(question, passage, longest, 2, 12);
    EXPECT_EQ(windows.first_tokens, 40);
    return std::pair(windows.first_kept, windows.texts.size());
  };
  EXPECT_EQ(kept("movie movie", 45), std::pair(std::int64_t{40}, std::size_t{1}));  // 40 + 2 + [CLS] and twice [SEP]
  EXPECT_EQ(kept("movie movie", 44), std::pair(std::int64_t{12}, std::size_t{1}));
  EXPECT_EQ(kept("", 43), std::pair(std::int64_t{40}, std::size_t{1}));
  EXPECT_EQ(kept("", 20), std::pair(std::int64_t{8}, std::size_t{1}));
}

SquadQuestion ferry() {
  SquadQuestion question;
  question.id = "q";
  question.question = "good film";
  question.passage = std::make_shared<const std::string>("Café the film. The movie performances: good!");
  question.answers = {{"movie performances", 19}, {"film", 9}};
  return question;
}

TEST(WindowExamples, PlaceAnswersByCharacters) {
  const text::Tokenizer tokenizer = small_tokenizer();
  const auto examples =
      window_examples(tokenizer, ferry(), 4, {.max_length = 100, .overlap = 2}, Unanswerable::never).windows;
  ASSERT_EQ(examples.size(), 1u);
  const Example& example = examples.front();
  ASSERT_EQ(example.answer.size(), 2u);
  EXPECT_EQ(answer_text(example, example.answer[0], example.answer[1]), "movie performances");
  EXPECT_THAT(example.gold, ElementsAre("movie performances", "film"));
  EXPECT_EQ(example.question, 4);
  for (std::size_t token = 0; token < example.part.size(); ++token) {
    const auto part = static_cast<terms::TokenPart>(example.part[token]);
    const bool answer = std::ssize(example.part) > 0 && static_cast<std::int32_t>(token) >= example.answer[0] &&
                        static_cast<std::int32_t>(token) <= example.answer[1];
    EXPECT_EQ(part == terms::TokenPart::answer, answer);
    EXPECT_EQ(example.answerable[token] == 1, part == terms::TokenPart::answer || part == terms::TokenPart::passage);
    EXPECT_EQ(part == terms::TokenPart::question, example.segment[token] == 0 && example.char_start[token] >= 0);
  }
}

TEST(WindowExamples, OnlyWindowsThatHoldTheWholeAnswerHaveIt) {
  const text::Tokenizer tokenizer = small_tokenizer();
  const auto examples =
      window_examples(tokenizer, ferry(), 0, {.max_length = 12, .overlap = 3}, Unanswerable::possible).windows;
  ASSERT_GT(examples.size(), 2u);
  int with = 0;
  for (std::size_t w = 0; w < examples.size(); ++w) {
    const Example& example = examples[w];
    EXPECT_EQ(example.id, w == 0 ? "q" : "q#" + std::to_string(w + 1));
    EXPECT_EQ(example.answerable.front(), 1);
    if (example.answer[0] < 0) {
      EXPECT_EQ(example.answer[1], -1);
      EXPECT_EQ(std::ranges::count(example.part, static_cast<std::uint8_t>(terms::TokenPart::answer)), 0);
      continue;
    }
    ++with;
    EXPECT_EQ(answer_text(example, example.answer[0], example.answer[1]), "movie performances");
  }
  EXPECT_GT(with, 0);
}

TEST(WindowExamples, SurviveTheTokenShard) {
  const text::Tokenizer tokenizer = small_tokenizer();
  SquadQuestion impossible = ferry();
  impossible.id = "none";
  impossible.answers.clear();
  impossible.is_impossible = true;
  const Corpus made = prepare_squad({ferry(), impossible}, tokenizer, {.max_length = 100, .overlap = 2});
  const test::TemporaryFolder folder;
  made.save(folder.path() / "shard.safetensors");
  const Corpus corpus = Corpus::open(folder.path() / "shard.safetensors");
  ASSERT_EQ(corpus.size(), 2);
  EXPECT_EQ(corpus.second_text(0), *ferry().passage);
  EXPECT_EQ(corpus.text(1), "good film");
  EXPECT_THAT(corpus.gold(0), ElementsAre("movie performances", "film"));
  EXPECT_THAT(corpus.gold(1), ElementsAre(""));
  EXPECT_THAT(corpus.answer().subspan(2), ElementsAre(-1, -1));
  EXPECT_EQ(corpus.answerable()[0], 1);  // one of the questions has no answer
  EXPECT_THAT(corpus.question(), ElementsAre(0, 1));
  EXPECT_EQ(corpus.first(1).gold(0).size(), 2u);
}

TEST(WindowExamples, WindowsShareThePassageAndTellOfCutQuestions) {
  SquadQuestion question = ferry();
  for (int word = 0; word < 20; ++word) question.question += " film";
  const Corpus corpus = prepare_squad({question, ferry()}, small_tokenizer(), {.max_length = 16, .overlap = 0});
  ASSERT_GT(corpus.size(), 3);
  for (std::int64_t window = 0; window < corpus.size(); ++window) EXPECT_EQ(corpus.second_text(window), *ferry().passage);
  EXPECT_EQ(corpus.second_text(0).data(), corpus.second_text(1).data());  // not a copy for each
  EXPECT_EQ(corpus.first(1).second_text(0), *ferry().passage);
  EXPECT_THAT(corpus.notes().lines(), ElementsAre("questions cut to their first 6 tokens: 1 (question q)"));
}

TEST(WindowExamples, FindTheAnswersOfThePublishedQuestions) {
  const auto folder = test::data_dir();
  if (!folder || !std::filesystem::exists(*folder / "squad")) GTEST_SKIP() << "LAYERSWEEP_DATA names no folder with squad/";
  // The small vocabulary spells words letter by letter; a token may still hold more than the answer (a sign of two code
  // points), so texts are compared as the official score does.
  const text::Tokenizer tokenizer = small_tokenizer();
  const auto questions = read_squad(find_squad_files(*folder).test);
  std::int64_t exact = 0, asked = 0;
  for (std::size_t q = 0; q < questions.size(); q += 7, ++asked) {
    const auto examples =
        window_examples(tokenizer, questions[q], 0, {.max_length = 4096, .overlap = 128}, Unanswerable::never).windows;
    ASSERT_EQ(examples.size(), 1u);
    ASSERT_GE(examples[0].answer[0], 0) << questions[q].id;
    const std::string answer = answer_text(examples[0], examples[0].answer[0], examples[0].answer[1]);
    exact += score_answer(answer, examples[0].gold, SquadScript::v1_1).exact_match;
  }
  EXPECT_GE(exact, asked * 99 / 100) << "of " << asked;
}

TEST(SplitSquad, SetsWholeArticlesApart) {
  std::vector<SquadQuestion> questions;
  for (int q = 0; q < 300; ++q) {
    questions.push_back(ferry());
    questions.back().title = "article " + std::to_string(q % 30);
  }
  const SquadTraining parts = split_squad(questions);
  std::set<std::string> train, dev;
  for (const auto& question : parts.train) train.insert(question.title);
  for (const auto& question : parts.dev) dev.insert(question.title);
  EXPECT_EQ(dev.size(), 2u);  // 5 % of 30, rounded up
  EXPECT_EQ(train.size(), 28u);
  EXPECT_EQ(parts.dev.size(), 20u);
  // Of one article nothing would be left to train on.
  EXPECT_THROW(split_squad({ferry(), ferry()}), base::InputError);
}

TEST(SplitByHash, DependsOnTheTextsOnly) {
  std::vector<std::string> keys;
  for (int k = 0; k < 100; ++k) keys.push_back("text " + std::to_string(k));
  const auto splits = split_by_hash(keys, 0.1, 0.1);
  EXPECT_EQ(std::ranges::count(splits, terms::Split::dev), 10);
  EXPECT_EQ(std::ranges::count(splits, terms::Split::test), 10);
  std::vector<std::string> turned(keys.rbegin(), keys.rend());
  turned.push_back(keys[3]);
  const auto again = split_by_hash(turned, 0.1, 0.1);
  for (std::size_t k = 0; k < keys.size(); ++k) EXPECT_EQ(again[99 - k], splits[k]);
  EXPECT_EQ(again.back(), splits[3]);
}

TEST(TextExample, HasBothTextsOfAPair) {
  const Example pair = text_example(small_tokenizer(), {"good film", "the movie"});
  EXPECT_EQ(pair.text, "good film");
  EXPECT_EQ(*pair.second_text, "the movie");
  EXPECT_EQ(std::accumulate(pair.segment.begin(), pair.segment.end(), 0), 3);  // two words and the last [SEP]
  EXPECT_TRUE(pair.answerable.empty());
}

}  // namespace
}  // namespace layersweep::data
