// Laws of what is kept, accepted and chosen, and how units are grouped and batches cut.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "data/counting.hpp"
#include "plan/unit.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/selection.hpp"

namespace layersweep {
namespace {

using sweep::Constraint;
using sweep::Score;

const Constraint constraint{0.1, 0.25};
const Score failed{std::nan(""), std::nan(""), std::nan(""), std::nan(""), std::nan("")};

Score score(double kl, double flips, double keep_share) { return {kl, kl, kl, flips, keep_share}; }

// Every combination of figures inside, at and outside both limits, and a failed probe.
std::vector<Score> all_scores() {
  std::vector<Score> scores{failed};
  for (const double kl : {0.0, 0.05, 0.1, 0.11, 0.5}) {
    for (const double flips : {0.0, 0.25, 0.3}) {
      for (const double keep : {0.1, 0.5, 1.0}) scores.push_back(score(kl, flips, keep));
    }
  }
  return scores;
}

int standing(const Score& s) {
  if (std::isnan(s.kl)) return 0;
  if (s.kl > constraint.epsilon) return 1;
  return s.flips > constraint.flip_limit ? 2 : 3;
}

TEST(Selection, AcceptedBeatWithinEpsilonBeatTheRestBeatFailed) {
  for (const Score& a : all_scores()) {
    EXPECT_EQ(sweep::is_accepted(a, constraint), standing(a) == 3);
    for (const Score& b : all_scores()) {
      if (standing(a) != standing(b)) {
        EXPECT_EQ(sweep::is_better(a, b, constraint), standing(a) > standing(b));
      } else if (standing(a) >= 2) {
        EXPECT_EQ(sweep::is_better(a, b, constraint), a.keep_share < b.keep_share);
      } else {
        EXPECT_EQ(sweep::is_better(a, b, constraint), standing(a) == 1 && a.kl < b.kl);
      }
    }
  }
}

TEST(Selection, SeedsOfInputModeAreJudgedOverAllPoints) {
  const Score good = score(0.05, 0.1, 0.5), small = score(0.05, 0.1, 0.1), close = score(0.05, 0.9, 0.1),
              far = score(0.9, 0, 0);
  const auto better = [](std::vector<Score> a, std::vector<Score> b) { return sweep::is_better(a, b, constraint); };
  EXPECT_TRUE(better({good, good}, {small, close}));  // more accepted points
  EXPECT_TRUE(better({good, close}, {small, far}));   // then more within ε
  EXPECT_TRUE(better({good, small}, {good, good}));   // then the smaller mean keep share
  EXPECT_FALSE(better({good, good}, {good, good}));
  EXPECT_TRUE(better({far, far}, {small, failed}));  // one failed point spoils the seed
  EXPECT_FALSE(better({failed, failed}, {failed, failed}));
}

TEST(Selection, HiddenModeChoosesASeedPerPointAndInputModeOneForAll) {
  // Rows are points, columns seeds.
  const std::vector<std::vector<Score>> scores{{score(0.05, 0, 0.9), score(0.05, 0, 0.8), failed},
                                               {score(0.05, 0, 0.2), score(0.05, 0, 0.3), failed},
                                               {score(0.05, 0, 0.2), score(0.50, 0, 0.0), failed}};
  EXPECT_EQ(sweep::choose_seeds_per_point(scores, constraint), (std::vector<std::int32_t>{1, 0, 0}));
  EXPECT_EQ(sweep::choose_one_seed(scores, constraint), (std::vector<std::int32_t>{0, 0, 0}));
}

TEST(Selection, WhereNothingIsAcceptedNoSeedIsChosen) {
  const std::vector<std::vector<Score>> scores{
      {failed, score(0.5, 0, 0.1)}, {failed, score(0.05, 0, 0.1)}, {failed, score(0.05, 0.9, 0.1)}};
  const std::vector<std::int32_t> expected{-1, 1, -1};
  EXPECT_EQ(sweep::choose_seeds_per_point(scores, constraint), expected);
  EXPECT_EQ(sweep::choose_one_seed(scores, constraint), expected);
}

TEST(Selection, AFailedFirstSeedIsNoAdvantage) {
  const std::vector<std::vector<Score>> scores{{failed, score(0.05, 0, 1.0)}};
  EXPECT_EQ(sweep::choose_seeds_per_point(scores, constraint).front(), 1);
  EXPECT_EQ(sweep::choose_one_seed(scores, constraint).front(), 1);
}

TEST(Summary, IsMeanNearestRankAndMaximum) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{19}, std::size_t{20}, std::size_t{21}, std::size_t{100}}) {
    std::vector<float> kl(count);
    for (std::size_t i = 0; i < count; ++i) kl[i] = static_cast<float>((i * 7) % count + 1);  // 1 .. count in some order
    if (count % 7 == 0) std::iota(kl.begin(), kl.end(), 1.0F);
    const std::vector<float> flips(count, 0.5F), keep(count, 0.25F);
    const Score s = sweep::summarise(kl, flips, keep);
    EXPECT_DOUBLE_EQ(s.kl, (static_cast<double>(count) + 1) / 2);
    EXPECT_DOUBLE_EQ(s.kl_max, static_cast<double>(count));
    EXPECT_DOUBLE_EQ(s.flips, 0.5);
    EXPECT_DOUBLE_EQ(s.keep_share, 0.25);
    // Nearest rank: at least 95 % are not above it, and less than 95 % are below.
    const auto up_to = std::count_if(kl.begin(), kl.end(), [&](float v) { return v <= s.kl_p95; });
    const auto below = std::count_if(kl.begin(), kl.end(), [&](float v) { return v < s.kl_p95; });
    EXPECT_GE(20 * static_cast<std::size_t>(up_to), 19 * count);
    EXPECT_LT(20 * static_cast<std::size_t>(below), 19 * count);
  }
}

TEST(Summary, OneNaNMakesTheKlNaN) {
  const std::vector<float> kl{0.1F, std::nanf(""), 0.2F}, other(3, 0.5F);
  const Score s = sweep::summarise(kl, other, other);
  EXPECT_TRUE(std::isnan(s.kl) && std::isnan(s.kl_p95) && std::isnan(s.kl_max));
  EXPECT_FALSE(sweep::is_accepted(s, constraint));
}

TEST(Units, CoverModesAndSeedsInOrderWhateverTheGrouping) {
  config::Probe settings;
  settings.modes = {terms::Mode::hidden, terms::Mode::input};
  settings.seeds = {5, 0, 9, 3, 7};
  for (const std::int64_t group : {0, 1, 2, 5}) {
    settings.seeds_per_unit = group;
    const auto units = plan::units_of(settings);
    const std::size_t per_mode =
        group == 0 ? 1 : (settings.seeds.size() + static_cast<std::size_t>(group) - 1) / static_cast<std::size_t>(group);
    ASSERT_EQ(units.size(), 2 * per_mode);
    std::vector<std::int64_t> seeds;
    for (std::size_t u = 0; u < units.size(); ++u) {
      EXPECT_EQ(units[u].mode, u < per_mode ? terms::Mode::hidden : terms::Mode::input);
      EXPECT_LE(units[u].seeds.size(), group == 0 ? settings.seeds.size() : static_cast<std::size_t>(group));
      for (const std::uint64_t seed : units[u].seeds) seeds.push_back(static_cast<std::int64_t>(seed));
      for (std::size_t v = 0; v < u; ++v) EXPECT_NE(units[u].name(), units[v].name());
    }
    std::vector<std::int64_t> twice = settings.seeds;
    twice.insert(twice.end(), settings.seeds.begin(), settings.seeds.end());
    EXPECT_EQ(seeds, twice);
  }
  EXPECT_EQ((plan::Unit{terms::Mode::hidden, {0, 1, 2, 3}}.name()), "hidden-0-1-2-3");
}

std::int64_t longest_of(const data::Corpus& corpus, const std::vector<std::int64_t>& examples) {
  std::int64_t longest = 0;
  for (const std::int64_t e : examples) longest = std::max(longest, corpus.length(e));
  return longest;
}

TEST(MicroBatches, KeepTheOrderAndTheBudget) {
  const data::Corpus corpus = data::counting_corpus(3, terms::Split::dev);
  std::vector<std::int64_t> examples;
  for (std::int64_t e = 0; e < 120; ++e) examples.push_back((e * 37) % corpus.size());
  for (const std::int64_t copies : {1, 4, 30}) {
    for (const std::int64_t budget : {std::int64_t{1}, std::int64_t{40}, std::int64_t{500}, std::int64_t{1} << 40}) {
      std::vector<std::int64_t> joined;
      std::vector<std::int64_t> last;
      for (const auto& piece : sweep::micro_batches(corpus, examples, copies, budget)) {
        ASSERT_FALSE(piece.empty());
        const std::int64_t longest = longest_of(corpus, piece);
        const auto size = static_cast<std::int64_t>(piece.size());
        EXPECT_TRUE(size == 1 || copies * size * longest <= budget);
        // The piece before was as large as it could be.
        if (!last.empty()) {
          last.push_back(piece.front());
          EXPECT_GT(copies * static_cast<std::int64_t>(last.size()) * longest_of(corpus, last), budget);
        }
        last = piece;
        joined.insert(joined.end(), piece.begin(), piece.end());
      }
      EXPECT_EQ(joined, examples);
    }
  }
  EXPECT_EQ(sweep::micro_batches(corpus, examples, 1, std::int64_t{1} << 40).size(), 1u);
  EXPECT_TRUE(sweep::micro_batches(corpus, {}, 1, 100).empty());
}

}  // namespace
}  // namespace layersweep
