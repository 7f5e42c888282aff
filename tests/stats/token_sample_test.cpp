#include "stats/token_sample.hpp"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace layersweep {
namespace {

constexpr std::int64_t examples = 200, positions = 5;

std::set<std::pair<std::int64_t, std::int64_t>> sampled(std::uint64_t seed, std::int64_t size, bool backwards) {
  stats::TokenSample sample(seed, size);
  for (std::int64_t i = 0; i < examples * positions; ++i) {
    const std::int64_t token = backwards ? examples * positions - 1 - i : i;
    sample.offer(token / positions, token % positions);
  }
  std::set<std::pair<std::int64_t, std::int64_t>> tokens;
  for (std::int64_t e = 0; e < examples; ++e) {
    for (std::int64_t p = 0; p < positions; ++p) {
      if (sample.has(e, p)) tokens.emplace(e, p);
    }
  }
  return tokens;
}

TEST(TokenSample, HasItsSizeInAnyOrder) {
  for (const std::int64_t size : {0, 1, 100, 999, 1000, 5000}) {
    const auto tokens = sampled(7, size, false);
    EXPECT_EQ(std::ssize(tokens), std::min(size, examples * positions));
    EXPECT_EQ(tokens, sampled(7, size, true));
  }
  EXPECT_NE(sampled(7, 100, false), sampled(8, 100, false));
}

TEST(TokenSample, LargerOnesHoldSmallerOnes) {
  const auto large = sampled(1, 300, false);
  for (const auto& token : sampled(1, 50, false)) EXPECT_TRUE(large.contains(token));
}

TEST(TokenSample, TakesAllPositionsAlike) {
  std::vector<int> count(positions, 0);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    for (const auto& [example, position] : sampled(seed, 100, false)) ++count[static_cast<std::size_t>(position)];
  }
  // 5000 draws over 5 positions: 1000 each, with a standard deviation below 29.
  for (const int of_position : count) EXPECT_NEAR(of_position, 1000, 5 * 29);
}

}  // namespace
}  // namespace layersweep
