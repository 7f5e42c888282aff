#include "data/sst.hpp"

#include <gmock/gmock.h>

#include <array>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/hash.hpp"
#include "base/utf8.hpp"
#include "support/files.hpp"

namespace layersweep::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string refusal(std::string_view line) {
  try {
    parse_sst_tree(line, "dev.txt", 12);
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("dev.txt line 12"));
    return error.what();
  }
  return "accepted";
}

TEST(Sst, ReadsWhatRegularExpressionsFind) {
  const auto folder = test::source_dir() / "tests/data/fixtures";
  const auto expected = nlohmann::json::parse(base::read_text_file(folder / "sst/expected.json"));
  for (const terms::Split split : {terms::Split::train, terms::Split::dev, terms::Split::test}) {
    const auto sentences = read_sst(sst_file(folder, split));
    const auto& wanted = expected.at(std::string(terms::name_of(split)));
    ASSERT_EQ(sentences.size(), wanted.size());
    for (std::size_t place = 0; place < sentences.size(); ++place) {
      const SstSentence& sentence = sentences[place];
      EXPECT_EQ(sentence.text, wanted[place].at("text"));
      EXPECT_EQ(sentence.label, wanted[place].at("label"));
      std::vector<std::array<int, 3>> words;
      for (const SstWord& word : sentence.words) words.push_back({word.char_start, word.char_end, word.sentiment});
      EXPECT_EQ(nlohmann::json(words), wanted[place].at("words")) << sentence.text;
    }
  }
}

TEST(Sst, TakesARootThatIsALeafAndPhrasesOfAnyWidth) {
  EXPECT_EQ(parse_sst_tree("(4 Splendid)", "", 1).text, "Splendid");
  const SstSentence wide = parse_sst_tree("(0 (1 a) (2 (3 b)) (4 c))", "", 1);
  EXPECT_EQ(wide.text, "a b c");
  EXPECT_EQ(wide.words.at(1).sentiment, 3);
}

TEST(Sst, UnescapesWithinAWord) { EXPECT_EQ(parse_sst_tree("(1 -LRB--LRB-a\\/b\\/-RRB-)", "", 1).text, "((a/b/)"); }

TEST(Sst, DepthIsNoLimit) {
  constexpr int depth = 200'000;
  std::string line;
  for (int level = 0; level < depth; ++level) line += "(2 ";
  line += "x" + std::string(depth, ')');
  EXPECT_EQ(parse_sst_tree(line, "", 1).words.size(), 1U);
}

TEST(Sst, NamesColumnAndWhatWasExpected) {
  EXPECT_THAT(refusal(""), AllOf(HasSubstr("column 1"), HasSubstr("expected '('"), HasSubstr("end of the line")));
  EXPECT_THAT(refusal("It works"), AllOf(HasSubstr("column 1:"), HasSubstr("expected '('"), HasSubstr("'I'")));
  EXPECT_THAT(refusal("(5 It)"), AllOf(HasSubstr("column 2:"), HasSubstr("label from 0 to 4"), HasSubstr("'5'")));
  EXPECT_THAT(refusal("(3It)"), AllOf(HasSubstr("column 3:"), HasSubstr("' ' behind the label")));
  EXPECT_THAT(refusal("(3 )"), AllOf(HasSubstr("column 4:"), HasSubstr("a word or '('")));
  EXPECT_THAT(refusal("(3  It)"), AllOf(HasSubstr("column 4:"), HasSubstr("a word or '('")));
  EXPECT_THAT(refusal("(3 It"), AllOf(HasSubstr("column 6:"), HasSubstr("expected ')'"), HasSubstr("end of the line")));
  EXPECT_THAT(refusal("(3 (2 It)(4 works))"), AllOf(HasSubstr("column 10:"), HasSubstr("another phrase")));
  EXPECT_THAT(refusal("(3 (2 It) works)"), AllOf(HasSubstr("column 11:"), HasSubstr("expected '('"), HasSubstr("'w'")));
  EXPECT_THAT(refusal("(3 (2 é) wørks)"), AllOf(HasSubstr("column 10:"), HasSubstr("'w'")));
  EXPECT_THAT(refusal("(3 é) (2 x)"), AllOf(HasSubstr("column 6:"), HasSubstr("end of the line")));
  EXPECT_THAT(refusal("(3 (2 It) (4 works)) "), AllOf(HasSubstr("column 21:"), HasSubstr("end of the line")));
  EXPECT_THAT(refusal("(3 caf\xe9)"), AllOf(HasSubstr("column 7:"), HasSubstr("UTF-8"), HasSubstr("\\xe9")));
}

TEST(Sst, RefusesEveryTruncation) {
  const std::string line = "(3 (2 It) (4 (3 rather) (2 works)))";
  ASSERT_EQ(refusal(line), "accepted");
  for (std::size_t length = 0; length < line.size(); ++length)
    EXPECT_NE(refusal(line.substr(0, length)), "accepted") << length;
}

TEST(Sst, TakesBothLineEndsAndNoLastOne) {
  const test::TemporaryFolder folder;
  const auto file = folder.path() / "trees.txt";
  base::write_file_atomically(file, "(3 a)\r\n(2 b)\n(1 c)");
  const auto sentences = read_sst(file);
  ASSERT_EQ(sentences.size(), 3U);
  EXPECT_EQ(sentences[0].text, "a");
  base::write_file_atomically(file, "(3 a)\n\n(1 c)\n");
  EXPECT_THAT([&] { read_sst(file); }, testing::ThrowsMessage<base::InputError>(HasSubstr("line 2")));
  base::write_file_atomically(file, "");
  EXPECT_THROW(read_sst(file), base::InputError);
}

TEST(Sst, ReadsTheOfficialSplit) {
  const auto folder = test::data_dir();
  if (!folder) GTEST_SKIP() << "LAYERSWEEP_DATA names no folder with sst/";
  // Hashes of "label text" lines that the reading by regular expressions gives (as in make_sst_fixture.py).
  const std::tuple<terms::Split, std::size_t, const char*> splits[] = {
      {terms::Split::train, 8544, "3d4fae58d141f8448cfda6b621bfc9f3c081ffb4438b3161877e1a7f097f0257"},
      {terms::Split::dev, 1101, "2eda6c613d7e90b4bf0285ac4043f56a8106d38635ac05fa798be45e65f74b72"},
      {terms::Split::test, 2210, "4edf35f069588bfde67679df21cf3e0377ead5adb1d4d278defdeb474332b35c"}};
  for (const auto& [split, size, hash] : splits) {
    std::string lines;
    const auto sentences = read_sst(sst_file(*folder, split));
    for (const SstSentence& sentence : sentences) {
      lines += fmt::format("{} {}\n", sentence.label, sentence.text);
      ASSERT_EQ(sentence.words.back().char_end, base::count_code_points(sentence.text));
    }
    EXPECT_EQ(sentences.size(), size);
    EXPECT_EQ(base::sha256_of_text(lines), hash) << terms::name_of(split);
  }
}

}  // namespace
}  // namespace layersweep::data
