#include "data/corpus.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/files.hpp"
#include "support/files.hpp"
#include "tensors/safetensors.hpp"

namespace layersweep::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

Example example(std::string id, std::string text, std::vector<std::int32_t> tokens) {
  const std::size_t count = tokens.size();
  Example made;
  made.id = std::move(id);
  made.text = std::move(text);
  made.label = static_cast<std::int32_t>(count);
  made.token_id = std::move(tokens);
  made.segment.assign(count, 1);
  made.part.assign(count, static_cast<std::uint8_t>(terms::TokenPart::passage));
  for (std::size_t token = 0; token < count; ++token) {
    made.word_index.push_back(static_cast<std::int32_t>(token));
    made.char_start.push_back(static_cast<std::int32_t>(10 * token));
    made.char_end.push_back(static_cast<std::int32_t>(10 * token + 5));
  }
  return made;
}

std::vector<Example> two_examples() { return {example("a/0", "Ünë", {7, 8, 9}), example("a/1", "", {5})}; }

void expect_two_examples(const Corpus& corpus) {
  EXPECT_EQ(corpus.size(), 2);
  EXPECT_EQ(corpus.token_total(), 4);
  EXPECT_EQ(corpus.length(0), 3);
  EXPECT_EQ(corpus.length(1), 1);
  EXPECT_THAT(corpus.token_start(), ElementsAre(0, 3, 4));
  EXPECT_THAT(corpus.token_id(), ElementsAre(7, 8, 9, 5));
  EXPECT_THAT(corpus.segment(), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(corpus.part(), ElementsAre(3, 3, 3, 3));
  EXPECT_THAT(corpus.word_index(), ElementsAre(0, 1, 2, 0));
  EXPECT_THAT(corpus.char_start(), ElementsAre(0, 10, 20, 0));
  EXPECT_THAT(corpus.char_end(), ElementsAre(5, 15, 25, 5));
  EXPECT_THAT(corpus.label(), ElementsAre(3, 1));
  EXPECT_THAT(corpus.sentiment(), IsEmpty());
  EXPECT_THAT(corpus.truth(), IsEmpty());
  EXPECT_THAT(corpus.query(), IsEmpty());
  EXPECT_EQ(corpus.text(0), "Ünë");
  EXPECT_EQ(corpus.text(1), "");
  EXPECT_EQ(corpus.id(0), "a/0");
  EXPECT_EQ(corpus.id(1), "a/1");
}

TEST(Corpus, KeepsEveryColumnInMemoryAndOnDisk) {
  const test::TemporaryFolder folder;
  const Corpus packed = Corpus::pack(two_examples());
  expect_two_examples(packed);
  packed.save(folder.path() / "shard");
  const Corpus opened = Corpus::open(folder.path() / "shard");
  expect_two_examples(opened);
  opened.save(folder.path() / "again");
  EXPECT_EQ(base::read_text_file(folder.path() / "again"), base::read_text_file(folder.path() / "shard"));
}

TEST(Corpus, KeepsTheColumnsOfTheTasks) {
  const test::TemporaryFolder folder;
  std::vector<Example> examples = two_examples();
  for (Example& each : examples) {
    each.sentiment.assign(each.token_id.size(), 4);
    each.truth.assign(each.token_id.size(), 1);
    each.query = {2, 6};
  }
  Corpus::pack(examples).save(folder.path() / "shard");
  const Corpus opened = Corpus::open(folder.path() / "shard");
  EXPECT_THAT(opened.sentiment(), ElementsAre(4, 4, 4, 4));
  EXPECT_THAT(opened.truth(), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(opened.query(), ElementsAre(2, 6, 2, 6));
}

TEST(Corpus, MayBeEmpty) {
  const Corpus corpus = Corpus::pack({});
  EXPECT_EQ(corpus.size(), 0);
  EXPECT_EQ(corpus.token_total(), 0);
}

TEST(Corpus, CopiesOutliveTheOriginal) {
  std::optional<Corpus> corpus = Corpus::pack(two_examples());
  const Corpus copy = *corpus;
  corpus.reset();
  expect_two_examples(copy);
}

TEST(Corpus, RefusesExamplesOfUnequalColumns) {
  std::vector<Example> examples = two_examples();
  examples[1].part.pop_back();
  EXPECT_THROW(Corpus::pack(examples), base::InternalError);
  examples = two_examples();
  examples[0].truth.assign(3, 1);  // but not for the other example
  EXPECT_THROW(Corpus::pack(examples), base::InternalError);
}

// A shard with one column or the metadata changed.
class DamagedShard : public testing::Test {
 protected:
  DamagedShard() { Corpus::pack(two_examples()).save(shard()); }

  std::filesystem::path shard() const { return folder_.path() / "shard"; }
  std::filesystem::path changed() const { return folder_.path() / "changed"; }

  void write(const std::map<std::string, std::string>& metadata, const std::string& column = {},
             std::vector<std::int64_t> values = {}) const {
    const auto file = tensors::SafetensorsFile::open(shard());
    std::vector<tensors::TensorToWrite> columns;
    for (const std::string& name : file.names()) {
      if (name == column) continue;
      columns.push_back({name, file.info(name).dtype, file.info(name).shape, file.data(name)});
    }
    if (!values.empty()) columns.push_back(tensors::tensor_to_write<std::int64_t>(column, {std::ssize(values)}, values));
    tensors::write_safetensors(changed(), columns, metadata);
  }

  std::map<std::string, std::string> metadata() const { return tensors::SafetensorsFile::open(shard()).metadata(); }

  std::string refusal() const {
    try {
      Corpus::open(changed());
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("changed"));
      return error.what();
    }
    return "accepted";
  }

  test::TemporaryFolder folder_;
};

TEST_F(DamagedShard, IsRefused) {
  write(metadata());
  EXPECT_EQ(refusal(), "accepted");
  write({});
  EXPECT_THAT(refusal(), HasSubstr("kind"));
  write({{"kind", "checkpoint"}, {"version", "1"}});
  EXPECT_THAT(refusal(), HasSubstr("checkpoint"));
  write({{"kind", metadata().at("kind")}, {"version", "0"}});
  EXPECT_THAT(refusal(), HasSubstr("version"));
  write(metadata(), "label");
  EXPECT_THAT(refusal(), HasSubstr("\"label\""));
  write(metadata(), "label", {1, 2});
  EXPECT_THAT(refusal(), HasSubstr("I32"));
  for (const std::vector<std::int64_t>& start :
       {std::vector<std::int64_t>{0, 3}, {0, 3, 5}, {1, 3, 4}, {0, 5, 4}, {0, -1, 4}, {0, 1, 2, 4}}) {
    write(metadata(), "token_start", start);
    EXPECT_NE(refusal(), "accepted") << testing::PrintToString(start);
  }
  write(metadata(), "text_start", {0, 6, 5});
  EXPECT_THAT(refusal(), HasSubstr("text_start"));
  write(metadata(), "id_start", {0, 6});
  EXPECT_THAT(refusal(), HasSubstr("id_start"));
}

TEST_F(DamagedShard, IsRefusedWhereAValueLeadsOutsideWhatItBelongsTo) {
  const auto with = [&](const std::string& column, const std::vector<std::int32_t>& values) {
    const auto file = tensors::SafetensorsFile::open(shard());
    std::vector<tensors::TensorToWrite> columns{
        tensors::tensor_to_write<std::int32_t>(column, {std::ssize(values)}, values)};
    for (const std::string& name : file.names()) {
      if (name != column) columns.push_back({name, file.info(name).dtype, file.info(name).shape, file.data(name)});
    }
    tensors::write_safetensors(changed(), columns, metadata());
    return refusal();
  };
  EXPECT_EQ(with("label", {4, -1}), "accepted");
  EXPECT_EQ(with("answer", {-1, -1, 0, 0}), "accepted");
  for (const auto& [column, values] :
       std::vector<std::pair<std::string, std::vector<std::int32_t>>>{{"label", {-2, 0}},
                                                                      {"token_id", {7, -8, 9, 5}},
                                                                      {"segment", {0, 0, -1, 0}},
                                                                      {"char_start", {0, 0, 0, -2}},
                                                                      {"sentiment", {0, 5, 0, 0}},
                                                                      {"second_of", {0, 1}},
                                                                      {"second_of", {-1, 0}},
                                                                      {"answer", {0, 3, 0, 0}},
                                                                      {"answer", {0, 0, 0, 1}}}) {
    EXPECT_THAT(with(column, values), HasSubstr("column " + column + " holds a value outside its range"));
  }
  write({{"kind", metadata().at("kind")}, {"version", metadata().at("version")}, {"notes", "?"}});
  EXPECT_THAT(refusal(), HasSubstr("notes"));
}

TEST_F(DamagedShard, IsRefusedWhenCutShort) {
  const std::string whole = base::read_text_file(shard());
  for (std::size_t length = 0; length < whole.size(); length += 47) {
    base::write_file_atomically(changed(), whole.substr(0, length));
    ASSERT_NE(refusal(), "accepted") << length;
  }
}

}  // namespace
}  // namespace layersweep::data
