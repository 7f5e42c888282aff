// The writer over several ranks: whatever the division, the file is that of one process alone.
#include "store/results_writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "base/error.hpp"
#include "sample.hpp"
#include "store/results_file.hpp"
#include "store/validate.hpp"
#include "support/files.hpp"

namespace layersweep {
namespace {

using store::ResultsFile;
using store::ResultsWriter;

// One folder for all ranks.
class SharedFolder {
 public:
  explicit SharedFolder(const comm::Communicator& world)
      : world_(world), path_(world.broadcast_text(mine_.path().string(), 0)) {}
  ~SharedFolder() { world_.barrier(); }
  std::filesystem::path file(const char* name) const { return path_ / name; }

 private:
  test::TemporaryFolder mine_;
  comm::Communicator world_;
  std::filesystem::path path_;
};

std::vector<std::byte> cells_of(const ResultsFile& file, const std::string& path, store::Type type) {
  const auto bytes = [](const auto& values) {
    const auto view = std::as_bytes(std::span(values));
    return std::vector<std::byte>(view.begin(), view.end());
  };
  switch (type) {
    case store::Type::float32:
      return bytes(file.read<float>(path));
    case store::Type::float64:
      return bytes(file.read<double>(path));
    case store::Type::int32:
      return bytes(file.read<std::int32_t>(path));
    case store::Type::uint8:
      return bytes(file.read<std::uint8_t>(path));
    case store::Type::character: {
      std::string all;
      for (const std::string& row : file.read_text(path)) all += row + '\n';
      return bytes(all);
    }
  }
  return {};
}

void expect_equal_files(const ResultsFile& left, const ResultsFile& right) {
  for (const store::VariableSpec& spec : store::variables()) {
    for (const std::string prefix : {"", "input/", "hidden/"}) {
      if ((spec.place == store::Place::root) != prefix.empty()) continue;
      const std::string path = prefix + std::string(spec.name);
      ASSERT_EQ(left.has(path), right.has(path)) << path;
      if (!left.has(path)) continue;
      EXPECT_EQ(left.shape(path), right.shape(path)) << path;
      EXPECT_EQ(cells_of(left, path, spec.type), cells_of(right, path, spec.type)) << path;
    }
  }
}

class Writer : public testing::Test {
 protected:
  comm::Communicator world_ = comm::world();
  SharedFolder folder_{world_};
};

class WriterOf : public Writer, public testing::WithParamInterface<test::SampleTask> {};

TEST_P(WriterOf, GivesTheFileOfOneProcess) {
  test::write_sample(world_, folder_.file("many.h5"), {}, GetParam());
  if (world_.rank() == 0) {
    test::write_sample(comm::Communicator(), folder_.file("one.h5"), {}, GetParam());
    expect_equal_files(ResultsFile::open(folder_.file("many.h5")), ResultsFile::open(folder_.file("one.h5")));
    for (const auto& finding : store::validate(folder_.file("many.h5")))
      ADD_FAILURE() << finding.where << ": " << finding.problem;
    EXPECT_FALSE(std::filesystem::exists(folder_.file("many.h5.part")));
  }
}
INSTANTIATE_TEST_SUITE_P(Tasks, WriterOf,
                         testing::Values(test::SampleTask::sst, test::SampleTask::squad, test::SampleTask::counting));

// A row of a mask longer than a chunk, chunks shared by ranks, and a slab written in several calls' worth of examples.
TEST_F(Writer, GivesTheFileOfOneProcessOverManyChunks) {
  const test::SampleSize size{11'011, 10};  // 137,630 tokens: two chunks a row
  test::write_sample(world_, folder_.file("many.h5"), size);
  if (world_.rank() == 0) {
    test::write_sample(comm::Communicator(), folder_.file("one.h5"), size);
    expect_equal_files(ResultsFile::open(folder_.file("many.h5")), ResultsFile::open(folder_.file("one.h5")));
  }
}

TEST_F(Writer, LeavesUnwrittenCellsMissing) {
  {
    ResultsWriter writer(world_, folder_.file("empty.h5"), test::sample_contents(), test::sample_provenance());
    writer.finish();
  }
  const ResultsFile file = ResultsFile::open(folder_.file("empty.h5"));
  const auto is_nan = [](float x) { return std::isnan(x); };
  EXPECT_THAT(file.read<float>("input/keep_probability"), testing::Each(testing::Truly(is_nan)));
  EXPECT_THAT(file.read<float>("logits"), testing::Each(testing::Truly(is_nan)));
  EXPECT_THAT(file.read<std::int32_t>("label"), testing::Each(-1));
  EXPECT_THAT(file.read<std::uint8_t>("hidden/flipped"), testing::Each(255));
  EXPECT_THAT(file.read_text("token_text"), testing::Each(""));
  EXPECT_THAT(file.read<std::int32_t>("seed"), testing::ElementsAre(11, 42));
  EXPECT_THAT(file.read<std::int32_t>("input/step"), testing::ElementsAre(100, 250));
  EXPECT_THAT(file.read<std::int32_t>("width"), testing::ElementsAre(64, 64, 2));
  EXPECT_THAT(file.read_text("point_name"), testing::ElementsAre("embeddings", "layer 1 input", "façade"));
}

TEST_F(Writer, LeavesAHoleInAMaskMissing) {
  test::write_sample(world_, folder_.file("hole.h5"));
  const ResultsFile file = ResultsFile::open(folder_.file("hole.h5"));
  const std::int64_t tokens = file.size("token");
  const auto hole = file.read<float>("hidden/keep_probability", {{1, 0, 0}, {1, 1, tokens}});
  EXPECT_THAT(hole, testing::Each(testing::Truly([](float x) { return std::isnan(x); })));
  const auto beside = file.read<float>("hidden/keep_probability", {{1, 1, 0}, {1, 1, tokens}});
  for (std::int64_t token = 0; token < tokens; ++token) EXPECT_EQ(beside[token], test::sample_float(1000 + 100 + token));
}

TEST_F(Writer, TakesTheSameSlabAgain) {
  {
    ResultsWriter writer(world_, folder_.file("again.h5"), test::sample_contents(), test::sample_provenance());
    writer.write_from_first_rank<std::int32_t>("input/chosen_seed", std::vector<std::int32_t>{0, 0, 0});
    writer.write_from_first_rank<std::int32_t>("input/chosen_seed", std::vector<std::int32_t>{1, -1, 0});
    writer.finish();
  }
  EXPECT_THAT(ResultsFile::open(folder_.file("again.h5")).read<std::int32_t>("input/chosen_seed"),
              testing::ElementsAre(1, -1, 0));
}

// A mistake of the last rank alone stops all ranks, and the file is gone.
TEST_F(Writer, ThrowsOnAllRanksWhenOneIsWrong) {
  const bool wrong = world_.rank() == world_.size() - 1;
  const std::vector<std::int32_t> cells(wrong ? 2 : 0, 7);
  const auto attempt = [&](const char* variable, const store::Slab& slab) {
    ResultsWriter writer(world_, folder_.file("wrong.h5"), test::sample_contents(), test::sample_provenance());
    EXPECT_THROW(writer.write<std::int32_t>(variable, wrong ? slab : store::Slab{}, cells), base::InternalError) << variable;
    EXPECT_THROW(writer.finish(), base::InternalError) << "after a failure";
  };
  attempt("label", {{6}, {2}});        // beyond the end
  attempt("label", {{-1}, {2}});       // before the beginning
  attempt("label", {{0, 0}, {1, 2}});  // another rank of dimensions
  attempt("label", {{0}, {3}});        // other size than the cells
  attempt("score", {{0}, {2}});        // another type
  attempt("nowhere", {{0}, {2}});
  EXPECT_FALSE(std::filesystem::exists(folder_.file("wrong.h5")));
  EXPECT_FALSE(std::filesystem::exists(folder_.file("wrong.h5.part")));
}

TEST_F(Writer, ThrowsOnAllRanksWhenTheFirstNamesNoVariable) {
  ResultsWriter writer(world_, folder_.file("wrong.h5"), test::sample_contents(), test::sample_provenance());
  EXPECT_THROW(writer.write_from_first_rank<float>("nowhere", std::vector<float>{1}), base::InternalError);
}

// Each would wait within HDF5 for a call that the others do not make.
TEST_F(Writer, ThrowsOnAllRanksWhenTheyCallDifferently) {
  const std::vector<std::int32_t> nothing;
  const std::vector<std::string> no_texts;
  const std::function<void(ResultsWriter&)> other_calls[] = {
      [&](ResultsWriter& writer) { writer.write<std::int32_t>("prediction", {}, nothing); },
      [&](ResultsWriter& writer) { writer.write_text("example_id", 0, no_texts); },
      [&](ResultsWriter& writer) { writer.finish(); },
  };
  if (world_.size() == 1) GTEST_SKIP() << "one rank has no others to differ from";
  for (const auto& other_call : other_calls) {
    ResultsWriter writer(world_, folder_.file("different.h5"), test::sample_contents(), test::sample_provenance());
    const bool differs = world_.rank() == world_.size() - 1;
    EXPECT_THROW(differs ? other_call(writer) : writer.write<std::int32_t>("label", {}, nothing), base::InternalError);
    EXPECT_FALSE(std::filesystem::exists(folder_.file("different.h5")));
  }
}

TEST_F(Writer, ThrowsOnAllRanksWhenTheirContentsDiffer) {
  if (world_.size() == 1) GTEST_SKIP() << "one rank has no others to differ from";
  store::Contents contents = test::sample_contents();
  if (world_.rank() == world_.size() - 1) ++contents.tokens;
  EXPECT_THROW(ResultsWriter(world_, folder_.file("contents.h5"), contents, test::sample_provenance()), base::InternalError);
}

// Ranks may run on different processors, and their clocks differ.
TEST_F(Writer, TakesTheProvenanceOfTheFirstRank) {
  store::Provenance from = test::sample_provenance();
  if (world_.rank() > 0) from.processor = std::string(1000, 'x');
  {
    ResultsWriter writer(world_, folder_.file("processors.h5"), test::sample_contents(), from);
    test::fill_sample(writer, world_, {});
    writer.finish();
  }
  EXPECT_EQ(ResultsFile::open(folder_.file("processors.h5")).text("processor"), test::sample_provenance().processor);
  for (const auto& finding : store::validate(folder_.file("processors.h5")))
    ADD_FAILURE() << finding.where << ": " << finding.problem;
}

TEST_F(Writer, RefusesOverlappingSlabsOfARank) {
  ResultsWriter writer(world_, folder_.file("overlap.h5"), test::sample_contents(), test::sample_provenance());
  const bool first = world_.rank() == 0;
  const std::vector<std::int32_t> cells(first ? 3 : 0, 1);
  writer.write<std::int32_t>("label", first ? store::Slab{{0}, {3}} : store::Slab{}, cells);
  EXPECT_THROW(writer.write<std::int32_t>("label", first ? store::Slab{{2}, {3}} : store::Slab{}, cells),
               base::InternalError);
}

TEST_F(Writer, RefusesATextLongerThanAnnounced) {
  ResultsWriter writer(world_, folder_.file("long.h5"), test::sample_contents(), test::sample_provenance());
  EXPECT_THROW(writer.write_text("token_text", 0, std::vector<std::string>{"123456789"}), base::InternalError);
}

TEST_F(Writer, RefusesSizesBeyondTheLayout) {
  store::Contents contents = test::sample_contents();
  contents.tokens = std::int64_t{1} << 31;
  EXPECT_THROW(ResultsWriter(world_, folder_.file("huge.h5"), contents, test::sample_provenance()), base::InputError);
  contents = test::sample_contents();
  contents.seeds = {std::int64_t{1} << 40};
  EXPECT_THROW(ResultsWriter(world_, folder_.file("huge.h5"), contents, test::sample_provenance()), base::InputError);
}

TEST_F(Writer, NamesAMissingFolder) {
  try {
    ResultsWriter(world_, folder_.file("nowhere/results.h5"), test::sample_contents(), test::sample_provenance());
    FAIL() << "a folder that does not exist was accepted";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("nowhere/results.h5.part"));
    EXPECT_THAT(error.what(), testing::HasSubstr("No such file or directory"));
  }
}

TEST_F(Writer, WithoutFinishLeavesTheOldFile) {
  test::write_sample(world_, folder_.file("old.h5"));
  const auto before = ResultsFile::open(folder_.file("old.h5")).read<float>("input/kl");
  world_.barrier();
  { ResultsWriter writer(world_, folder_.file("old.h5"), test::sample_contents(), test::sample_provenance()); }
  world_.barrier();  // the first rank removes the part
  EXPECT_EQ(ResultsFile::open(folder_.file("old.h5")).read<float>("input/kl"), before);
  EXPECT_FALSE(std::filesystem::exists(folder_.file("old.h5.part")));
}

TEST_F(Writer, KeepsLongTextsAsVariables) {
  store::Provenance from = test::sample_provenance();
  from.experiment = std::string(70'000, 'x') + "é";
  {
    ResultsWriter writer(world_, folder_.file("text.h5"), test::sample_contents(), from);
    test::fill_sample(writer, world_, {});
    writer.finish();
  }
  EXPECT_EQ(ResultsFile::open(folder_.file("text.h5")).text("experiment"), from.experiment);
  for (const auto& finding : store::validate(folder_.file("text.h5")))
    ADD_FAILURE() << finding.where << ": " << finding.problem;
}

}  // namespace
}  // namespace layersweep
