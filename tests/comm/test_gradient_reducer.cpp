// The reducer of real ranks, against the tree computed serially on each of them.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "comm/gradient_reducer.hpp"
#include "shard_reference.hpp"

namespace layersweep::comm {
namespace {

using test::bits;
using test::Shards;

constexpr double limit_s = 30;

std::vector<float> reduce(GradientReducer& reducer, const Shards& shards, int begin, int end) {
  for (int shard = begin; shard < end; ++shard) {
    if (const auto& gradient = shards[static_cast<std::size_t>(shard)]) reducer.add(shard, *gradient);
  }
  const auto sum = reducer.sum();
  return {sum.begin(), sum.end()};
}

// Shard counts below, at and above the rank count, powers of two and not; lengths below the rank count too.
TEST(GradientReducer, GivesTheTreeSumOnEveryRankAndStep) {
  const Communicator team = world().with_limit(limit_s);
  std::mt19937 random(11);  // the same numbers on every rank
  for (const int shard_count : {1, 2, 3, 7, 8, 12}) {
    const int begin = shard_count * team.rank() / team.size();
    const int end = shard_count * (team.rank() + 1) / team.size();
    for (const std::size_t length : {1UL, 3UL, 1001UL, 70000UL}) {
      GradientReducer reducer(team, GradientReducer::Mode::deterministic, {shard_count, begin, end}, length);
      for (int step = 0; step < 3; ++step) {
        const Shards shards = test::adversarial_shards(shard_count, length, step == 1 ? 0.5 : 0.0, random);
        EXPECT_EQ(bits(reduce(reducer, shards, begin, end)), bits(test::tree_sum(shards)))
            << shard_count << " shards of " << length << ", step " << step;
      }
    }
  }
}

// Any split of the shards gives these bits, also one that is neither balanced nor aligned.
TEST(GradientReducer, GivesTheSameBitsForLopsidedRanges) {
  const Communicator team = world().with_limit(limit_s);
  constexpr int shard_count = 8;
  std::mt19937 random(13);
  const Shards shards = test::adversarial_shards(shard_count, 500, 0.2, random);
  // The last rank takes all but one shard each of the others.
  const int begin = team.rank();
  const int end = team.rank() + 1 == team.size() ? shard_count : begin + 1;
  GradientReducer reducer(team, GradientReducer::Mode::deterministic, {shard_count, begin, end}, 500);
  EXPECT_EQ(bits(reduce(reducer, shards, begin, end)), bits(test::tree_sum(shards)));
}

TEST(GradientReducer, PlainEqualsDeterministicToRounding) {
  const Communicator team = world().with_limit(limit_s);
  constexpr int shard_count = 8;
  constexpr std::size_t length = 4096;
  std::mt19937 random(17);
  const Shards shards = test::adversarial_shards(shard_count, length, 0.2, random);
  const int begin = shard_count * team.rank() / team.size();
  const int end = shard_count * (team.rank() + 1) / team.size();
  GradientReducer reducer(team, GradientReducer::Mode::plain, {shard_count, begin, end}, length);
  const std::vector<float> plain = reduce(reducer, shards, begin, end);
  const std::vector<float> tree = test::tree_sum(shards);
  for (std::size_t i = 0; i < length; ++i) {
    double magnitude = 0;
    for (const auto& shard : shards) magnitude += shard ? std::abs((*shard)[i]) : 0.0;
    // Each order errs by at most (S − 1) half units in the last place (2⁻²⁴) of the sum of magnitudes; two orders.
    EXPECT_NEAR(plain[i], tree[i], 2 * (shard_count - 1) * std::ldexp(magnitude, -24));
  }
  const auto plain_of_all = world().all_gather(plain[0]);
  for (const float other : plain_of_all) EXPECT_EQ(other, plain[0]);
}

TEST(GradientReducer, RefusesRangesThatDoNotCoverTheShards) {
  const Communicator team = world().with_limit(limit_s);
  EXPECT_ANY_THROW(GradientReducer(team, GradientReducer::Mode::plain, {8, 0, 4}, 1));
}

}  // namespace
}  // namespace layersweep::comm
