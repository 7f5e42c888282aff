// Lines in, JSON lines out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/examples.hpp"
#include "model/bert.hpp"
#include "model/open.hpp"
#include "program.hpp"
#include "text/tokenizer.hpp"

namespace layersweep::app {
namespace {

using test::Outcome;
using test::shell;
using testing::AllOf;
using testing::HasSubstr;

std::string encoder_folder() { return (test::source_dir() / "tests/text/fixtures/uncased").string(); }
std::string tokenize() { return "$L tokenize --encoder " + encoder_folder(); }

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) values.push_back(nlohmann::json::parse(line));
  return values;
}

std::vector<float> answer_of(const model::Model& model, const data::Example& text) {
  const std::vector<data::Example> windows{text};
  return model.output().answers(model, {&windows, 1}).front().logits.front().second;
}

TEST(Tokenize, AnswersEveryLineInOrder) {
  // Empty, without an end, with a carriage return, with a NUL, and longer than one read.
  const std::string with_nul("a\0b", 3);
  const std::vector<std::string> texts{"A good film.", "", "good\r", with_nul, std::string(200000, 'x') + " film",
                                       "the last"};
  std::string input;
  for (const std::string& text : texts) input += (input.empty() ? "" : "\n") + text;
  const Outcome outcome = shell(tokenize(), input);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.error, "");

  const auto tokenizer = text::Tokenizer::open(encoder_folder());
  const auto answers = json_lines(outcome.out);
  ASSERT_EQ(answers.size(), texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto expected = tokenizer.tokenize(texts[i]);
    EXPECT_EQ(answers[i].at("ids"), expected.id) << i;
    ASSERT_EQ(answers[i].at("tokens").size(), expected.id.size());
    for (std::size_t t = 0; t < expected.id.size(); ++t) {
      EXPECT_EQ(answers[i]["tokens"][t], tokenizer.token_text(expected.id[t]));
    }
  }
  EXPECT_EQ(outcome.out.substr(0, 7), "{\"ids\":");
}

TEST(Tokenize, ReadsPairsByEitherName) {
  const Outcome outcome = shell(tokenize(),
                                "{\"question\": \"When?\", \"passage\": \"A good film.\"}\n"
                                "{\"text\": \"When?\", \"second_text\": \"A good film.\"}\n"
                                "{\"text\": \"When?\"}\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  const auto tokenizer = text::Tokenizer::open(encoder_folder());
  const auto answers = json_lines(outcome.out);
  ASSERT_EQ(answers.size(), 3u);
  for (const std::size_t pair : {0, 1}) {
    EXPECT_EQ(answers[pair].at("ids"), tokenizer.tokenize_pair("When?", "A good film.", text::Tokenizer::unlimited).id);
  }
  EXPECT_EQ(answers[2].at("ids"), tokenizer.tokenize("When?").id);
}

// A text on the command line is what it is, also where a line would be read as JSON.
TEST(Tokenize, TakesTextsAndPairsFromTheCommandLine) {
  const auto tokenizer = text::Tokenizer::open(encoder_folder());
  Outcome outcome = shell(tokenize() + " --text 'When?' --second-text 'A good film.' --text '' --second-text b", "not read");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  auto answers = json_lines(outcome.out);
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].at("ids"), tokenizer.tokenize_pair("When?", "A good film.", text::Tokenizer::unlimited).id);
  EXPECT_EQ(answers[1].at("ids"), tokenizer.tokenize_pair("", "b", text::Tokenizer::unlimited).id);

  outcome = shell(tokenize() + " --text '{\"text\": \"a\"}'");
  answers = json_lines(outcome.out);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].at("ids"), tokenizer.tokenize("{\"text\": \"a\"}").id);

  outcome = shell(tokenize() + " --text a --text b --second-text c");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.error, HasSubstr("1 --second-text for 2 --text"));
  EXPECT_EQ(outcome.out, "");

  outcome = shell(tokenize() + " --text \"$(printf 'a\\377')\"");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.error, HasSubstr("text 1 is not UTF-8"));
}

TEST(Tokenize, NothingInNothingOut) {
  const Outcome outcome = shell(tokenize());
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out + outcome.error, "");
}

TEST(Tokenize, WarnsOfBytesThatAreNotUtf8AndGoesOn) {
  const Outcome outcome = shell(tokenize(), "fine\nna\xefve\nfine\n");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(json_lines(outcome.out).size(), 3u);
  EXPECT_THAT(outcome.error, HasSubstr("line 2 is not UTF-8"));
  EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1);
}

TEST(Tokenize, AnswersBeforeTheNextLineIsSent) {
  // The reader writes its second line only after it has the first answer; it would hang otherwise.
  const test::TemporaryFolder folder;
  const std::string in = (folder.path() / "in").string(), out = (folder.path() / "out").string();
  const Outcome outcome =
      shell("mkfifo " + in + " " + out + "; timeout 60 " + tokenize() + " <" + in + " >" + out + " & exec 3>" + in + " 4<" +
            out + "; echo good >&3; read a <&4; echo film >&3; read b <&4; exec 3>&-; wait $!; echo \"$? $a $b\"");
  EXPECT_THAT(outcome.out, AllOf(testing::StartsWith("0 "), HasSubstr("good"), HasSubstr("film")));
}

TEST(Tokenize, EndsQuietlyWhenItsReaderGoesAway) {
  const Outcome outcome = shell("( yes some text | head -n 300000 | " + tokenize() + "; echo \"code $?\" >&2 ) | head -n 1");
  EXPECT_EQ(json_lines(outcome.out).size(), 1u);
  EXPECT_EQ(outcome.error, "code 1\n");
}

TEST(Tokenize, SaysWhenInputIsClosedOrNoText) {
  for (const char* input : {" <&-", " </"}) {
    const Outcome outcome = shell(tokenize() + input);
    EXPECT_EQ(outcome.exit_code, 1) << input;
    EXPECT_THAT(outcome.error, HasSubstr("standard input cannot be read")) << input;
    EXPECT_EQ(outcome.out, "") << input;
  }
}

TEST(Predict, AnswersEveryLineAsIfItWereAlone) {
  const std::string folder = (test::source_dir() / "tests/model/fixtures/tiny-bert").string();
  const auto tokenizer = text::Tokenizer::open(folder);
  const auto encoder = model::open_model(folder);
  std::vector<data::Example> texts;
  std::string input;
  std::int64_t without_words = 0;
  for (int i = 0; i < 100; ++i) {
    std::string line;
    for (int word = 0; word < (7 * i) % 25; ++word) line += "w" + std::to_string(word * i % 59) + " ";
    input += line + "\n";
    texts.push_back(data::text_example(tokenizer, {line, std::nullopt}));
    without_words += line.empty() ? 1 : 0;
  }
  const auto positions = model::describe_model(folder).longest_text;
  const Outcome outcome = shell("$L predict --encoder " + folder, input);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  const auto answers = json_lines(outcome.out);
  ASSERT_EQ(answers.size(), texts.size());
  std::int64_t cut = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (std::ssize(texts[i].token_id) > positions) {
      ++cut;
      EXPECT_THAT(outcome.error, HasSubstr("line " + std::to_string(i + 1) + " has"));
      continue;
    }
    const std::vector<float> alone = answer_of(*encoder, texts[i]);
    const auto logits = answers[i].at("logits").get<std::vector<float>>();
    ASSERT_EQ(logits.size(), alone.size());
    // Batches of other shapes sum in another order; weights and logits are of order 1.
    for (std::size_t c = 0; c < logits.size(); ++c) EXPECT_NEAR(logits[c], alone[c], 1e-5) << i;
    EXPECT_EQ(answers[i].at("label"), std::ranges::max_element(logits) - logits.begin());
  }
  EXPECT_LT(cut, 50);
  EXPECT_GT(cut, 0);
  EXPECT_EQ(std::ranges::count(outcome.error, '\n'), cut + without_words);
  EXPECT_THAT(outcome.error, HasSubstr("line 1 has no words"));
}

TEST(Predict, AnswersTextsOfTheCommandLineAsLines) {
  const std::string fixtures = (test::source_dir() / "tests/model/fixtures").string();
  const std::string classify = "$L predict --encoder " + fixtures + "/tiny-bert";
  const Outcome texts = shell(classify + " --text 'w1 w2' --second-text w3 --text w4 --second-text 'w5 w6'");
  EXPECT_EQ(texts.exit_code, 0) << texts.error;
  EXPECT_EQ(texts.out, shell(classify,
                             "{\"text\": \"w1 w2\", \"second_text\": \"w3\"}\n"
                             "{\"text\": \"w4\", \"second_text\": \"w5 w6\"}\n")
                           .out);
  EXPECT_EQ(json_lines(texts.out).size(), 2u);

  const std::string answer = "$L predict --encoder " + fixtures + "/tiny-qa";
  const Outcome question = shell(answer + " --text 'w1 w2' --second-text 'w3 w4 w5'");
  EXPECT_EQ(question.exit_code, 0) << question.error;
  EXPECT_EQ(question.out, shell(answer, "{\"question\": \"w1 w2\", \"passage\": \"w3 w4 w5\"}\n").out);
  EXPECT_EQ(json_lines(question.out).size(), 1u);
  EXPECT_THAT(shell(answer + " --text 'w1 w2'").error, HasSubstr("text 1: "));
}

TEST(Predict, ReadsPairs) {
  const std::string folder = (test::source_dir() / "tests/model/fixtures/tiny-bert").string();
  const auto pair = data::text_example(text::Tokenizer::open(folder), {"w1 w2", "w3"});
  const auto expected = answer_of(*model::open_model(folder), pair);
  const Outcome outcome =
      shell("$L predict --encoder " + folder, "{\"text\": \"w1 w2\", \"second_text\": \"w3\"}\nw1 w2 w3\n");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.error;
  const auto answers = json_lines(outcome.out);
  ASSERT_EQ(answers.size(), 2u);
  const auto logits = answers[0].at("logits").get<std::vector<float>>();
  ASSERT_EQ(logits.size(), expected.size());
  for (std::size_t c = 0; c < logits.size(); ++c) EXPECT_NEAR(logits[c], expected[c], 1e-5);
  EXPECT_NE(answers[0], answers[1]);  // not the words in one text
}

}  // namespace
}  // namespace layersweep::app
