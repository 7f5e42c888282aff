// Users' own texts: what is understood, and that what is not is named with its line.
#include "data/text_file.hpp"

#include <gmock/gmock.h>

#include "base/error.hpp"
#include "base/files.hpp"
#include "data/prepare.hpp"
#include "support/files.hpp"

namespace layersweep::data {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class TextFile : public testing::Test {
 protected:
  std::filesystem::path write(const std::string& name, std::string_view content) const {
    base::write_file_atomically(folder_.path() / name, content);
    return folder_.path() / name;
  }
  std::string refusal(const std::string& name, std::string_view content) const {
    const auto file = write(name, content);
    try {
      read_text_file(file);
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(name));
      return error.what();
    }
    return "accepted";
  }
  test::TemporaryFolder folder_;
};

TEST_F(TextFile, ReadsJsonLines) {
  const auto rows =
      read_text_file(write("a.jsonl",
                           "\xEF\xBB\xBF{\"text\": \"tab\\there\", \"label\": 2}\r\n\n"
                           "{\"id\": 7, \"label\": \"good\", \"text\": \"\"}\n{\"text\": \"x\", \"label\": null}"));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].input.text, "tab\there");
  EXPECT_EQ(rows[0].label, "2");
  EXPECT_EQ(rows[1].label, "good");
  EXPECT_EQ(rows[1].id, "7");
  EXPECT_EQ(rows[1].line, 3);
  EXPECT_EQ(rows[2].label, "");
  EXPECT_FALSE(rows[2].input.second);
  const auto pairs = read_text_file(write("b.json", "{\"question\": \"who\", \"passage\": \"she\"}\n"));
  EXPECT_EQ(pairs[0].input.text, "who");
  EXPECT_EQ(pairs[0].input.second, "she");
}

TEST_F(TextFile, ReadsColumnsInAnyOrderAndPlainLines) {
  const auto rows = read_text_file(write("a.tsv", "label\tsecond_text\ttext\n1\tb\ta\n\td\tc\n"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].input.text, "c");
  EXPECT_EQ(rows[1].input.second, "d");
  EXPECT_EQ(rows[1].label, "");
  EXPECT_EQ(rows[0].line, 2);
  const auto plain = read_text_file(write("a.txt", "{\"text\"\n\nlast"));
  ASSERT_EQ(plain.size(), 3u);
  EXPECT_EQ(plain[0].input.text, "{\"text\"");
}

TEST_F(TextFile, NamesTheLineOfWhatIsWrong) {
  const std::string good = "{\"text\": \"a\"}\n";
  EXPECT_THAT(refusal("a.jsonl", good + "{\"text\": \"a\"\n"), AllOf(HasSubstr("line 2"), HasSubstr("no JSON object")));
  EXPECT_THAT(refusal("a.jsonl", good + "[1]\n"), AllOf(HasSubstr("line 2"), HasSubstr("no JSON object")));
  EXPECT_THAT(refusal("a.jsonl", good + "{\"label\": 1}\n"), AllOf(HasSubstr("line 2"), HasSubstr("no \"text\"")));
  EXPECT_THAT(refusal("a.jsonl", good + "{\"text\": 1}\n"), AllOf(HasSubstr("line 2"), HasSubstr("must be a string")));
  EXPECT_THAT(refusal("a.jsonl", good + "{\"text\": \"a\", \"labels\": 1}\n"), HasSubstr("no use for \"labels\""));
  EXPECT_THAT(refusal("a.jsonl", "{\"text\": \"a\", \"question\": \"b\"}\n"), HasSubstr("says again"));
  EXPECT_THAT(refusal("a.jsonl", "{\"text\": \"a\", \"label\": 1.5}\n"), HasSubstr("whole number or a string"));
  EXPECT_THAT(refusal("a.jsonl", good + "{\"text\": \"a\", \"second_text\": \"b\"}\n"),
              AllOf(HasSubstr("line 2"), HasSubstr("line 1 is not")));
  EXPECT_THAT(refusal("a.jsonl", "\n\n"), HasSubstr("no texts"));
  EXPECT_THAT(refusal("a.tsv", "text\tlabel\na\t1\nb\n"), AllOf(HasSubstr("line 3"), HasSubstr("1 cells")));
  EXPECT_THAT(refusal("a.tsv", "text\tclass\n"), AllOf(HasSubstr("line 1"), HasSubstr("no column \"class\"")));
  EXPECT_THAT(refusal("a.tsv", "label\n1\n"), AllOf(HasSubstr("line 1"), HasSubstr("no column holds the texts")));
  EXPECT_THAT(refusal("a.tsv", "text\n"), HasSubstr("no texts"));
  EXPECT_THAT(refusal("a.txt", "fine\nna\xefve\n"), AllOf(HasSubstr("line 2"), HasSubstr("byte 3 is not UTF-8")));
  EXPECT_THAT(refusal("a.csv", "a,b\n"), HasSubstr(".jsonl, .tsv and .txt"));
}

TEST_F(TextFile, ALineIsATextUnlessItIsMeantAsJson) {
  EXPECT_EQ(read_text_line("plain {text}").text, "plain {text}");
  EXPECT_EQ(read_text_line("{not json").text, "{not json");
  EXPECT_EQ(read_text_line("{\"question\": \"q\", \"passage\": \"p\"}").second, "p");
  EXPECT_EQ(read_text_line(" {\"text\": \"a\"}").text, " {\"text\": \"a\"}");
  EXPECT_THROW(read_text_line("{\"question\": \"q\""), base::InputError);
  EXPECT_THROW(read_text_line("{\"other\": \"q\"}"), base::InputError);
}

TEST_F(TextFile, AFolderHasAFileForEachSplit) {
  EXPECT_THROW(find_text_files(folder_.path()), base::InputError);
  EXPECT_THROW(find_text_files(folder_.path() / "nowhere"), base::InputError);
  const auto train = write("train.tsv", "text\na\n");
  EXPECT_TRUE(find_text_files(folder_.path()).dev.empty());
  const auto dev = write("validation.jsonl", "{\"text\": \"a\"}\n");
  EXPECT_EQ(find_text_files(folder_.path()).dev, dev);
  EXPECT_EQ(find_text_files(folder_.path()).train, train);
  EXPECT_EQ(find_text_files(dev).train, dev);
  write("train.jsonl", "{\"text\": \"a\"}\n");
  EXPECT_THROW(find_text_files(folder_.path()), base::InputError);
}

TEST(Classes, OfTextsAreNumbersOrNames) {
  const auto rows = [](std::vector<std::string> labels) {
    std::vector<TextRow> result;
    for (std::string& label : labels) result.push_back({{"t", {}}, std::move(label), "", std::ssize(result) + 1});
    return result;
  };
  EXPECT_EQ(classes_of(rows({"0", "3", "1"}), "f").count, 4);
  EXPECT_TRUE(classes_of(rows({"0", "3"}), "f").names.empty());
  const Classes named = classes_of(rows({"spam", "ham", "spam"}), "f");
  EXPECT_THAT(named.names, ElementsAre("ham", "spam"));
  EXPECT_EQ(label_of(rows({"spam"})[0], "f", named), 1);
  EXPECT_EQ(label_of(rows({"0"})[0], "f", named), 0);
  EXPECT_EQ(label_of(rows({""})[0], "f", named), -1);
  for (const char* wrong : {"eggs", "2", "-1"}) {
    try {
      label_of(rows({"spam", wrong})[1], "f", named);
      FAIL() << wrong;
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("f, line 2"), HasSubstr(wrong), HasSubstr("ham, spam")));
    }
  }
  EXPECT_THROW(classes_of(rows({"spam", ""}), "f"), base::InputError);
}

}  // namespace
}  // namespace layersweep::data
