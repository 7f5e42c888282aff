#include "data/squad.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "base/error.hpp"
#include "base/files.hpp"
#include "support/files.hpp"

namespace layersweep::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Both versions in one: code points of one to four bytes before the answers; an impossible question.
constexpr std::string_view kSound = R"({"version": "v2.0", "data": [{"title": "Ferry", "paragraphs": [
  {"context": "Café 🙂: the ferry leaves at ten.", "qas": [
    {"id": "q1", "question": "When?", "answers": [{"text": "at ten", "answer_start": 25}, {"text": "ten", "answer_start": 28}],
     "is_impossible": false},
    {"id": "q2", "question": "Why?", "answers": [], "is_impossible": true,
     "plausible_answers": [{"text": "ten", "answer_start": 28}]}]},
  {"context": "It is blue.", "qas": [{"id": "q3", "question": "What colour?", "answers": [{"text": "blue", "answer_start": 6}]}]}]}]})";

std::vector<SquadQuestion> read(std::string_view content) {
  const test::TemporaryFolder folder;
  base::write_file_atomically(folder.path() / "squad.json", content);
  return read_squad(folder.path() / "squad.json");
}

// What is said to the sound file with one piece replaced.
std::string refusal(std::string_view piece, std::string_view replacement) {
  std::string content(kSound);
  const auto place = content.find(piece);
  EXPECT_NE(place, content.npos) << piece;
  content.replace(place, piece.size(), replacement);
  try {
    read(content);
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("squad.json"));
    return error.what();
  }
  return "accepted";
}

TEST(Squad, ReadsBothVersions) {
  const auto questions = read(kSound);
  ASSERT_EQ(questions.size(), 3U);
  EXPECT_EQ(questions[0].id, "q1");
  EXPECT_EQ(questions[0].title, "Ferry");
  EXPECT_EQ(questions[0].question, "When?");
  EXPECT_EQ(*questions[0].passage, "Café 🙂: the ferry leaves at ten.");
  ASSERT_EQ(questions[0].answers.size(), 2U);
  EXPECT_EQ(questions[0].answers[0].text, "at ten");
  EXPECT_EQ(questions[0].answers[0].start, 25);
  EXPECT_FALSE(questions[0].is_impossible);
  EXPECT_TRUE(questions[1].is_impossible);
  EXPECT_TRUE(questions[1].answers.empty());
  EXPECT_EQ(questions[2].answers[0].start, 6);
}

TEST(Squad, NamesThePlaceOfWhatIsWrong) {
  EXPECT_THAT(
      refusal("\"answer_start\": 25", "\"answer_start\": 26"),
      AllOf(HasSubstr("data[0].paragraphs[0].qas[0].answers[0]"), HasSubstr("\"at ten\""), HasSubstr("character 26")));
  EXPECT_THAT(refusal("\"answer_start\": 6", "\"answer_start\": 60"),
              AllOf(HasSubstr("paragraphs[1]"), HasSubstr("beyond")));
  EXPECT_THAT(refusal("\"answer_start\": 6", "\"answer_start\": -6"), HasSubstr("answer_start: expected an offset"));
  EXPECT_THAT(refusal("\"answer_start\": 6", "\"answer_start\": 6.0"), HasSubstr("expected an offset"));
  EXPECT_THAT(refusal("\"text\": \"blue\"", "\"text\": \"\""), HasSubstr("empty"));
  EXPECT_THAT(refusal("\"context\": \"It", "\"contest\": \"It"),
              AllOf(HasSubstr("paragraphs[1]"), HasSubstr("no \"context\"")));
  EXPECT_THAT(refusal("\"id\": \"q3\"", "\"id\": \"q1\""), AllOf(HasSubstr("\"q1\" occurs twice")));
  EXPECT_THAT(refusal("\"id\": \"q3\"", "\"id\": 3"), HasSubstr("qas[0].id: expected a string"));
  EXPECT_THAT(refusal("\"is_impossible\": true", "\"is_impossible\": false"),
              AllOf(HasSubstr("qas[1]"), HasSubstr("no answer")));
  EXPECT_THAT(refusal("\"is_impossible\": false", "\"is_impossible\": true"),
              AllOf(HasSubstr("qas[0]"), HasSubstr("has an answer")));
  EXPECT_THAT(refusal("\"is_impossible\": true", "\"is_impossible\": 1"), HasSubstr("true or false"));
  EXPECT_THAT(refusal("\"data\": [", "\"date\": ["), HasSubstr("no \"data\""));
  EXPECT_THAT(refusal("{\"version\"", "[{\"version\""), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("\"id\": \"q3\"", "\"id\": \"q\\u00003\""), HasSubstr("qas[0].id: it holds the character U+0000"));
  EXPECT_THAT(refusal("\"data\": [", "\"date\": ["), HasSubstr("Mend it there"));
  EXPECT_THROW(read("[]"), base::InputError);
  EXPECT_THROW(read("{\"data\": []}"), base::InputError);
  EXPECT_THROW(read_squad("/missing/squad.json"), base::InputError);
}

TEST(Squad, FindsAnswersAtBothEndsOfThePassage) {
  const auto ask = [](std::string_view answer, int start) {
    return fmt::format(R"({{"data": [{{"paragraphs": [{{"context": "é🙂b", "qas": [{{"id": "q", "question": "?",
                           "answers": [{{"text": "{}", "answer_start": {}}}]}}]}}]}}]}})",
                       answer, start);
  };
  EXPECT_EQ(read(ask("é🙂b", 0)).front().answers.front().start, 0);
  EXPECT_EQ(read(ask("b", 2)).front().answers.front().start, 2);
  EXPECT_THROW(read(ask("b", 3)), base::InputError);
  EXPECT_THROW(read(ask("b", 4)), base::InputError);
}

TEST(Squad, RefusesEveryTruncation) {
  for (std::size_t length = 0; length < kSound.size(); length += 31) {
    EXPECT_THROW(read(kSound.substr(0, length)), base::InputError) << length;
  }
}

TEST(Squad, ReadsPublishedFiles) {
  const auto folder = test::data_dir();
  if (!folder || !std::filesystem::exists(*folder / "squad")) GTEST_SKIP() << "LAYERSWEEP_DATA names no folder with squad/";
  for (const auto& entry : std::filesystem::directory_iterator(*folder / "squad")) {
    if (entry.path().extension() != ".json") continue;
    const auto questions = read_squad(entry.path());
    std::set<std::string> ids;
    for (const SquadQuestion& question : questions) ids.insert(question.id);
    EXPECT_EQ(ids.size(), questions.size());
    // What the publisher counts, where it is that file.
    EXPECT_TRUE(entry.path().filename() != "dev-v1.1.xquad.json" || questions.size() == 1190);
  }
}

}  // namespace
}  // namespace layersweep::data
