#include "config/nearest.hpp"

#include <gtest/gtest.h>

#include <random>

namespace layersweep::config {
namespace {

TEST(EditDistance, KnownValues) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("epsilno", "epsilon"), 1u);
  EXPECT_EQ(edit_distance("ca", "abc"), 3u);  // 2 where parts may be edited twice
}

// The definition, without memory: slow and plainly right.
std::size_t by_definition(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  const auto shorter = [](std::string_view text, std::size_t by) { return text.substr(0, text.size() - by); };
  std::size_t best = std::min({by_definition(shorter(a, 1), b) + 1, by_definition(a, shorter(b, 1)) + 1,
                               by_definition(shorter(a, 1), shorter(b, 1)) + (a.back() != b.back())});
  if (a.size() > 1 && b.size() > 1 && a.back() == b[b.size() - 2] && b.back() == a[a.size() - 2]) {
    best = std::min(best, by_definition(shorter(a, 2), shorter(b, 2)) + 1);
  }
  return best;
}

TEST(EditDistance, EqualsItsDefinition) {
  std::mt19937 random(1);
  const auto word = [&] {
    std::string text(random() % 6, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 3);
    return text;
  };
  for (int i = 0; i < 300; ++i) {
    const auto a = word(), b = word();
    EXPECT_EQ(edit_distance(a, b), by_definition(a, b)) << a << " " << b;
    EXPECT_EQ(edit_distance(a, b), edit_distance(b, a)) << a << " " << b;
  }
}

const std::vector<std::string> known{"run.threads", "run.folder", "encoder.folder", "probe.seeds", "probe.seeds_per_unit"};

TEST(NearestNames, FindsTyposSectionsAndBeginnings) {
  EXPECT_EQ(nearest_names("run.thread", known).front(), "run.threads");
  EXPECT_EQ(nearest_names("folder", known), (std::vector<std::string>{"run.folder", "encoder.folder"}));
  EXPECT_EQ(nearest_names("probe.see", known).front(), "probe.seeds");
  EXPECT_TRUE(nearest_names("colour", known).empty());
  EXPECT_TRUE(nearest_names("", known).empty());
}

TEST(NearestNames, GivesAtMostThree) {
  const std::vector<std::string> alike{"a.seed", "b.seed", "c.seed", "d.seed"};
  EXPECT_EQ(nearest_names("seed", alike).size(), 3u);
  EXPECT_EQ(did_you_mean("seed", alike), "Did you mean a.seed, b.seed or c.seed?");
  EXPECT_EQ(did_you_mean("nothing like it", alike), "");
}

}  // namespace
}  // namespace layersweep::config
