// Planning without files: parts of slabs, chunks, and the schema against the docs.
#include "store/layout.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.hpp"
#include "base/files.hpp"
#include "base/printable.hpp"
#include "sample.hpp"
#include "store/inspect.hpp"
#include "store/slab.hpp"
#include "support/files.hpp"

namespace layersweep {
namespace {

using store::Slab;

// The cells of a slab in row-major order, as places in a 3-dimensional variable of width 100.
std::vector<std::int64_t> places(const Slab& slab) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < slab.count[0]; ++i) {
    for (std::int64_t j = 0; j < slab.count[1]; ++j) {
      for (std::int64_t k = 0; k < slab.count[2]; ++k) {
        all.push_back(((slab.start[0] + i) * 100 + slab.start[1] + j) * 100 + slab.start[2] + k);
      }
    }
  }
  return all;
}

TEST(Slab, PiecesAreItsCellsInOrder) {
  for (const Slab& slab : {Slab{{1, 2, 3}, {3, 4, 7}}, Slab{{0, 0, 0}, {1, 1, 50}}, Slab{{5, 0, 9}, {1, 9, 1}}}) {
    for (const std::int64_t most : {1, 2, 5, 6, 28, 1000}) {
      std::vector<std::int64_t> all;
      for (const Slab& piece : store::pieces(slab, most)) {
        EXPECT_LE(piece.cells(), most);
        const auto some = places(piece);
        all.insert(all.end(), some.begin(), some.end());
      }
      EXPECT_EQ(all, places(slab)) << slab.text() << " in pieces of " << most;
    }
  }
  EXPECT_TRUE(store::pieces({}, 5).empty());
  EXPECT_TRUE(store::pieces({{2, 2}, {0, 9}}, 5).empty());
}

TEST(Slab, OverlapsWhereACellIsShared) {
  const Slab slab{{0, 2}, {2, 2}};
  EXPECT_TRUE(slab.overlaps({{1, 3}, {5, 5}}));
  EXPECT_FALSE(slab.overlaps({{0, 4}, {2, 1}}));
  EXPECT_FALSE(slab.overlaps({{2, 2}, {1, 2}}));
  EXPECT_FALSE(slab.overlaps({{0, 2}, {0, 2}}));
  EXPECT_FALSE(slab.overlaps({}));
}

TEST(Layout, ChunksAreLargeAndKeepPointsApart) {
  store::Contents contents = test::sample_contents();
  contents.examples = 300'000;
  contents.tokens = 9'000'000;
  for (const auto& variable : store::plan_variables(contents)) {
    const auto chunk = store::chunk_shape(*variable.spec, variable.shape);
    std::int64_t bytes = static_cast<std::int64_t>(store::type_bytes(variable.spec->type));
    std::int64_t all = bytes;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      ASSERT_GE(chunk[i], 1) << variable.path;
      ASSERT_LE(chunk[i], variable.shape[i]) << variable.path;
      bytes *= chunk[i];
      all *= variable.shape[i];
    }
    EXPECT_LE(bytes, 1 << 20) << variable.path;
    if (variable.path.ends_with("keep_probability")) {
      EXPECT_EQ(chunk[0], 1);
      EXPECT_EQ(chunk[1], 1);
      EXPECT_GE(bytes, 256 << 10);
    } else if (all > (1 << 20) && variable.spec->dimensions.size() < 3) {
      EXPECT_GE(bytes, 256 << 10) << variable.path;
    }
  }
}

TEST(Schema, NamesAreUniqueAndDescribed) {
  std::set<std::pair<store::Place, std::string_view>> names;
  for (const auto& spec : store::variables()) {
    EXPECT_TRUE(names.emplace(spec.place, spec.name).second) << spec.name;
    EXPECT_FALSE(spec.long_name.empty()) << spec.name;
    EXPECT_FALSE(spec.traits.units.empty()) << spec.name;
    EXPECT_TRUE(!spec.traits.judged || spec.place == store::Place::mode) << spec.name;
    EXPECT_EQ(spec.is_text(), spec.dimensions.back().ends_with("_length")) << spec.name;
  }
  EXPECT_EQ(store::find_variable("/input/kl"), store::find_variable("hidden/kl"));
  EXPECT_EQ(store::find_variable("kl"), nullptr);
  EXPECT_EQ(store::find_variable("input/label"), nullptr);
}

TEST(Schema, IsTheTablesOfTheDocs) {
  EXPECT_THAT(base::read_text_file(test::source_dir() / "docs/results-file.md"),
              testing::HasSubstr(store::schema_markdown()))
      << "print them anew: layersweep help --results-markdown";
}

TEST(Schema, HasASizeForEveryDimension) {
  for (const auto task : {test::SampleTask::sst, test::SampleTask::squad, test::SampleTask::counting}) {
    const store::Contents contents = test::sample_contents({}, task);
    for (const auto& variable : store::plan_variables(contents)) {
      EXPECT_THAT(variable.shape, testing::Each(testing::Gt(0))) << variable.path;
      EXPECT_EQ(store::plan_variable(variable.path, contents).shape, variable.shape);
    }
  }
  EXPECT_THROW(store::plan_variable("nowhere", test::sample_contents()), base::InternalError);
}

TEST(Inspect, TellsWhatMattersOnAScreen) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "results.h5";
  test::write_sample(comm::Communicator(), path);
  const std::string text = store::inspect(path);
  using testing::HasSubstr;
  EXPECT_THAT(text, HasSubstr("7 examples"));
  EXPECT_THAT(text, HasSubstr("dev 4 (score 0.000), test 3 (score 1.000)"));
  EXPECT_THAT(text, HasSubstr("kl_mean <= 0.1"));
  EXPECT_THAT(text, HasSubstr("layersweep run sample.ini"));
  EXPECT_THAT(text, HasSubstr("1 failed"));
  std::size_t lines = 0;
  for (std::size_t begin = 0; begin < text.size(); ++lines) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 102U) << text.substr(begin, end - begin);  // bytes; the sample has two of two bytes
    begin = end + 1;
  }
  EXPECT_LE(lines, 40U);
}

TEST(Inspect, SteersNoTerminal) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "evil\x1b[31m.h5";
  store::Contents contents = test::sample_contents();
  contents.points.at(0).name = "\x1b[2J\u202Epoint";
  store::Provenance from = test::sample_provenance();
  from.title = "a\rtitle\xff";
  from.command = "layersweep run sample.ini\u2028";
  const comm::Communicator alone;
  {
    store::ResultsWriter writer(alone, path, contents, from);
    test::fill_sample(writer, alone, {});
    writer.finish();
  }
  const std::string text = store::inspect(path);
  EXPECT_EQ(text, base::printable_lines(text));
  using testing::HasSubstr;
  EXPECT_THAT(text, HasSubstr("evil\\x1b[31m.h5\n"));
  EXPECT_THAT(text, HasSubstr(" a\\rtitle\\xff\n"));
  EXPECT_THAT(text, HasSubstr("sample.ini\\u2028\n"));
  EXPECT_THAT(text, HasSubstr(" \\x1b[2J\\u202epoint "));
}

}  // namespace
}  // namespace layersweep
