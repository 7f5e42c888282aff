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
      read(file);
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(name));
      return error.what();
    }
    return "accepted";
  }
  std::vector<TextRow> read(const std::filesystem::path& file) const {
    notes_ = Notes();
    return read_text_file(file, notes_);
  }
  TextFiles find(const std::filesystem::path& data) const {
    notes_ = Notes();
    return find_text_files(data, notes_);
  }
  std::vector<std::string> texts(const std::filesystem::path& file) const {
    std::vector<std::string> found;
    for (const TextRow& row : read(file)) found.push_back(row.input.text);
    return found;
  }
  test::TemporaryFolder folder_;
  mutable Notes notes_;  // of the last reading
};

TEST_F(TextFile, ReadsJsonLines) {
  const auto rows = read(write("a.jsonl",
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
  const auto pairs = read(write("b.json", "{\"question\": \"who\", \"passage\": \"she\"}\n"));
  EXPECT_EQ(pairs[0].input.text, "who");
  EXPECT_EQ(pairs[0].input.second, "she");
}

TEST_F(TextFile, ReadsColumnsInAnyOrderAndPlainLines) {
  const auto rows = read(write("a.tsv", "label\tsecond_text\ttext\n1\tb\ta\n\td\tc\n"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].input.text, "c");
  EXPECT_EQ(rows[1].input.second, "d");
  EXPECT_EQ(rows[1].label, "");
  EXPECT_EQ(rows[0].line, 2);
  const auto plain = read(write("a.txt", "{\"text\"\n\nlast"));
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_EQ(plain[0].input.text, "{\"text\"");
  EXPECT_EQ(plain[1].line, 3);
}

TEST_F(TextFile, BlankLinesAreSkippedAndCounted) {
  EXPECT_THAT(texts(write("a.txt", "\none\n \t\n\ntwo\n\n")), ElementsAre("one", "two"));
  EXPECT_THAT(notes_.lines(), ElementsAre("blank lines skipped: 4 (a.txt:1, a.txt:3, a.txt:4, …)"));
  EXPECT_THAT(texts(write("a.tsv", "text\tlabel\n\na\t1\n")), ElementsAre("a"));
  EXPECT_THAT(notes_.lines(), ElementsAre("blank lines skipped: 1 (a.tsv:2)"));
  EXPECT_THAT(texts(write("a.txt", "one\n")), ElementsAre("one"));
  EXPECT_TRUE(notes_.empty());
}

TEST_F(TextFile, AnyOfTheThreeEndsEndsALine) {
  EXPECT_THAT(texts(write("a.txt", "one\rtwo\r\nthree\nfour\r")), ElementsAre("one", "two", "three", "four"));
  EXPECT_THAT(notes_.lines(), ElementsAre("lines that end in a carriage return alone: 2 (a.txt:1, a.txt:4)"));
  const auto rows = read(write("a.tsv", "text\tlabel\rone\t1\rtwo\t0\r"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[1].input.text, "two");
  EXPECT_EQ(rows[1].label, "0");
  EXPECT_EQ(rows[1].line, 3);
}

TEST_F(TextFile, CellsAreUnquotedAsPandasAndCsvWriteThem) {
  // As pandas.DataFrame.to_csv(sep="\t") writes a "b", a tab, a line break and a plain text.
  const auto rows = read(write("a.tsv", "text\tlabel\n\"a \"\"b\"\"\"\t1\n\"c\td\"\t0\n\"e\nf\"\t1\nplain \"g\"\t0\n"));
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].input.text, "a \"b\"");
  EXPECT_EQ(rows[1].input.text, "c\td");
  EXPECT_EQ(rows[2].input.text, "e\nf");
  EXPECT_EQ(rows[3].input.text, "plain \"g\"");
  EXPECT_EQ(rows[3].line, 6);
  EXPECT_THAT(notes_.lines(),
              ElementsAre(AllOf(HasSubstr("quotation marks, which were taken off: 3"), HasSubstr("a.tsv:2"))));
  // One cell that is not of that form, and the file was written without quotation.
  EXPECT_THAT(texts(write("b.tsv", "text\tlabel\n\"a\" said b\t1\n\"c\"\t0\n")), ElementsAre("\"a\" said b", "\"c\""));
  EXPECT_THAT(notes_.lines(), ElementsAre(HasSubstr("taken as part of the text: 2 (b.tsv:2, b.tsv:3)")));
  // A mark that opens here and closes in another line would swallow rows.
  EXPECT_THAT(texts(write("c.tsv", "text\tlabel\n\"a\t1\nb\t0\nc\"\t1\n")), ElementsAre("\"a", "b", "c\""));
  EXPECT_THAT(texts(write("a.csv", "label,text\n1,\"a, \"\"b\"\"\"\n0,c\n")), ElementsAre("a, \"b\"", "c"));
  EXPECT_THAT(refusal("b.csv", "text,label\n\"a\" b,1\n"), AllOf(HasSubstr("line 2"), HasSubstr("quotation mark")));
}

TEST_F(TextFile, TextsThatResultsCannotHoldAreRefused) {
  for (const char* field : {"id", "text", "label"}) {
    const std::string rest = std::string(field) == "text" ? "" : "\"text\": \"a\", ";
    EXPECT_THAT(refusal("a.jsonl", fmt::format("{{\"text\": \"a\"}}\n{{{}\"{}\": \"b\\u0000c\"}}\n", rest, field)),
                AllOf(HasSubstr("line 2"), HasSubstr(field), HasSubstr("U+0000")));
  }
  EXPECT_THAT(refusal("a.txt", std::string("one\nt\0wo\n", 9)), AllOf(HasSubstr("line 2"), HasSubstr("U+0000")));
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
  EXPECT_THAT(refusal("a.jsonl", good + "{\"text\": \"a\", \"text\": \"b\"}\n"),
              AllOf(HasSubstr("line 2"), HasSubstr("\"text\" twice")));
  EXPECT_THAT(refusal("a.jsonl", "\n\n"), HasSubstr("no texts"));
  EXPECT_THAT(refusal("a.tsv", "text\tlabel\na\t1\nb\n"), AllOf(HasSubstr("line 3"), HasSubstr("1 cells")));
  EXPECT_THAT(refusal("a.tsv", "text\tclass\n"), AllOf(HasSubstr("line 1"), HasSubstr("no column \"class\"")));
  EXPECT_THAT(refusal("a.tsv", "label\n1\n"), AllOf(HasSubstr("line 1"), HasSubstr("no column holds the texts")));
  EXPECT_THAT(refusal("a.tsv", "text\n"), HasSubstr("no texts"));
  EXPECT_THAT(refusal("a.txt", "fine\nna\xefve\n"), AllOf(HasSubstr("line 2"), HasSubstr("byte 3 is not UTF-8")));
  EXPECT_THAT(refusal("a.xml", "a,b\n"), HasSubstr(".jsonl, .tsv, .csv and .txt"));
}

TEST_F(TextFile, ALineIsATextUnlessItIsMeantAsJson) {
  EXPECT_EQ(read_text_line("plain {text}").text, "plain {text}");
  EXPECT_EQ(read_text_line("{not json").text, "{not json");
  EXPECT_EQ(read_text_line("{\"question\": \"q\", \"passage\": \"p\"}").second, "p");
  EXPECT_EQ(read_text_line(" {\"text\": \"a\"}").text, "a");
  EXPECT_EQ(read_text_line("\t{ \"text\": \"a\"}").text, "a");
  EXPECT_EQ(read_text_line("  plain").text, "  plain");
  EXPECT_THROW(read_text_line(" { \"text\": "), base::InputError);
  EXPECT_THROW(read_text_line("{\"question\": \"q\""), base::InputError);
  EXPECT_THROW(read_text_line("{\"other\": \"q\"}"), base::InputError);
}

TEST_F(TextFile, AFolderHasAFileForEachSplit) {
  EXPECT_THROW(find(folder_.path()), base::InputError);
  EXPECT_THROW(find(folder_.path() / "nowhere"), base::InputError);
  const auto train = write("train.tsv", "text\na\n");
  EXPECT_TRUE(find(folder_.path()).dev.empty());
  const auto dev = write("validation.jsonl", "{\"text\": \"a\"}\n");
  EXPECT_EQ(find(folder_.path()).dev, dev);
  EXPECT_EQ(find(folder_.path()).train, train);
  EXPECT_EQ(find(dev).train, dev);
  write("train.jsonl", "{\"text\": \"a\"}\n");
  EXPECT_THROW(find(folder_.path()), base::InputError);
}

TEST_F(TextFile, ADevFileMayHaveAnyOfItsNames) {
  write("train.tsv", "text\na\n");
  for (const char* name : {"dev.tsv", "validation.tsv", "valid.jsonl", "val.csv", "eval.txt"}) {
    const auto dev = write(name, "text\nb\n");
    EXPECT_EQ(find(folder_.path()).dev, dev) << name;
    EXPECT_TRUE(notes_.empty()) << name;
    std::filesystem::remove(dev);
  }
  write("val.tsv", "text\nb\n");
  write("eval.tsv", "text\nb\n");
  EXPECT_THROW(find(folder_.path()), base::InputError);
}

TEST_F(TextFile, OtherFilesOfTheFolderAreTold) {
  write("train.tsv", "text\na\n");
  write("dev.parquet", "");
  write("development.tsv", "");
  find(folder_.path());
  EXPECT_THAT(notes_.lines(), ElementsAre(AllOf(HasSubstr("passed over: 2"), HasSubstr("(dev.parquet, development.tsv)"))));
}

LabelPlaces labels(const std::vector<std::string>& names) {
  std::vector<TextRow> rows;
  for (const std::string& name : names) rows.push_back({{"t", {}}, name, "", std::ssize(rows) + 1});
  LabelPlaces places;
  add_labels(rows, "f", places);
  return places;
}

std::string refusal_of(const LabelPlaces& places, const Classes& classes) {
  try {
    classes_by_label(places, classes);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Classes, OfTrainingTextsAreNumbersOrNames) {
  EXPECT_EQ(classes_of(labels({"0", "3", "1"}), {}).count, 4);
  EXPECT_TRUE(classes_of(labels({"0", "3"}), {}).names.empty());
  EXPECT_THAT(classes_of(labels({"spam", "ham", "spam"}), {}).names, ElementsAre("ham", "spam"));
  for (const char* one : {"0", "spam"}) {
    try {
      classes_of(labels({one, one}), {2, {"spam", "ham"}});
      FAIL() << "one class";
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("all training texts have the label"), HasSubstr("f, line 1")));
    }
  }
}

TEST(Classes, AreThoseOfTheHeadWhereItHasThem) {
  const Classes head{3, {"neu", "pos", "neg"}};
  EXPECT_THAT(classes_of(labels({"neg", "pos", "neu"}), head).names, ElementsAre("neu", "pos", "neg"));
  EXPECT_THAT(classes_of(labels({"neg", "pos"}), head).names, ElementsAre("neu", "pos", "neg"));
  EXPECT_THAT(classes_of(labels({"0", "2"}), head).names, ElementsAre("neu", "pos", "neg"));
  EXPECT_THAT(classes_of(labels({"neg", "other"}), head).names, ElementsAre("neg", "other"));
  EXPECT_EQ(classes_of(labels({"0", "1"}), head).count, 2);
}

TEST(Labels, AreReadByOneRule) {
  const Classes named{2, {"ham", "spam"}};
  EXPECT_EQ(classes_by_label(labels({"spam", "ham"}), named), (LabelClasses{{"ham", 0}, {"spam", 1}}));
  EXPECT_EQ(classes_by_label(labels({"0", "1"}), named), (LabelClasses{{"0", 0}, {"1", 1}}));
  EXPECT_EQ(label_of({{"t", {}}, "spam", "", 1}, {{"spam", 1}}), 1);
  EXPECT_EQ(label_of({{"t", {}}, "", "", 1}, {{"spam", 1}}), -1);
  EXPECT_THAT(refusal_of(labels({"spam", "0"}), named), AllOf(HasSubstr("f, line 2"), HasSubstr("other labels are names")));
  for (const char* wrong : {"eggs", "2", "-1"}) {
    EXPECT_THAT(refusal_of(labels({"spam", wrong}), named),
                AllOf(HasSubstr("f, line 2"), HasSubstr(wrong), HasSubstr("ham, spam")));
  }
  // Names that are numbers of other classes: which rule is meant is told by the whole, or by nothing.
  const Classes numerals{3, {"1", "2", "3"}};
  EXPECT_EQ(classes_by_label(labels({"0", "2", "1"}), numerals).at("2"), 2);
  EXPECT_EQ(classes_by_label(labels({"3", "2", "1"}), numerals).at("2"), 1);
  EXPECT_THAT(refusal_of(labels({"2", "1"}), numerals), HasSubstr("the name of one class and the number of another"));
  EXPECT_EQ(classes_by_label(labels({"1", "0"}), Classes{2, {"0", "1"}}).at("1"), 1);
  // Those that Hugging Face makes up are names like others.
  EXPECT_EQ(classes_by_label(labels({"LABEL_1"}), Classes{2, {"LABEL_0", "LABEL_1"}}).at("LABEL_1"), 1);
}

TEST(Notes, TellHowOftenAndWhereFirst) {
  Notes notes;
  EXPECT_TRUE(notes.empty());
  for (const char* place : {"line 1", "line 5"}) notes.add("blank lines skipped", place);
  Notes others;
  for (const char* place : {"line 7", "line 9"}) others.add("blank lines skipped", place);
  others.add("texts cut", "line 8");
  notes.add(others);
  EXPECT_THAT(notes.lines(), ElementsAre("blank lines skipped: 4 (line 1, line 5, line 7, …)", "texts cut: 1 (line 8)"));
  EXPECT_EQ(Notes::from_text(notes.text())->lines(), notes.lines());
  EXPECT_FALSE(Notes::from_text("[1]"));
  EXPECT_FALSE(Notes::from_text("{"));
}

}  // namespace
}  // namespace layersweep::data
