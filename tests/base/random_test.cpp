#include "base/random.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

namespace layersweep::base {
namespace {

using testing::ElementsAre;

// The known answers that come with Random123, the authors' own library (kat_vectors, philox4x32 10).
TEST(Philox, GivesThePublishedAnswers) {
  EXPECT_THAT(philox({0, 0, 0, 0}, {0, 0}), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
  EXPECT_THAT(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
              ElementsAre(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd));
  EXPECT_THAT(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              ElementsAre(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
}

TEST(Philox, KeysDifferInEveryWordAndItsPlace) {
  std::set<PhiloxKey> keys;
  std::size_t made = 0;
  for (std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32}) {
    for (const Purpose purpose : {Purpose::epoch_order, Purpose::gate_noise}) {
      keys.insert(philox_key(seed, purpose));
      ++made;
      for (std::uint64_t a : {0ULL, 1ULL, 1ULL << 32}) {
        keys.insert(philox_key(seed, purpose, {a}));
        ++made;
        for (std::uint64_t b : {0ULL, 1ULL, 1ULL << 32}) {
          keys.insert(philox_key(seed, purpose, {a, b}));
          ++made;
        }
      }
    }
  }
  EXPECT_EQ(keys.size(), made);
}

TEST(OpenUniform, NeverReachesItsEnds) {
  EXPECT_GT(open_uniform(0), 0.0);
  EXPECT_LT(open_uniform(0xffffffff), 1.0);
  EXPECT_TRUE(std::isfinite(std::log(open_uniform(0xffffffff)) - std::log1p(-open_uniform(0xffffffff))));
  EXPECT_DOUBLE_EQ(open_uniform(0) + open_uniform(0xffffffff), 1.0);
}

TEST(RandomStream, IsAFunctionOfItsKey) {
  RandomStream first(philox_key(7, Purpose::epoch_order));
  RandomStream again(philox_key(7, Purpose::epoch_order));
  RandomStream other(philox_key(8, Purpose::epoch_order));
  int equal_to_other = 0;
  for (int draw = 0; draw < 1000; ++draw) {
    const std::uint64_t value = first.next64();
    ASSERT_EQ(value, again.next64());
    equal_to_other += value == other.next64();
  }
  EXPECT_EQ(equal_to_other, 0);
}

TEST(RandomStream, DrawsEveryValueBelowItsBoundEquallyOften) {
  RandomStream random(philox_key(1, Purpose::counting_task));
  constexpr int bound = 6, draws = 60'000;
  std::array<int, bound> seen{};
  for (int draw = 0; draw < draws; ++draw) ++seen.at(random.below(bound));
  // Standard deviation of one count: sqrt(60000 · 1/6 · 5/6) = 91; five of them.
  for (const int count : seen) EXPECT_NEAR(count, draws / bound, 456);
  EXPECT_EQ(random.below(1), 0U);
}

TEST(RandomStream, HasNoModuloBiasWhereItWouldShow) {
  // With bound = 3 · 2^62 a plain modulo would give values below 2^62 half of the time, not a third.
  RandomStream random(philox_key(2, Purpose::counting_task));
  constexpr int draws = 30'000;
  int low = 0;
  for (int draw = 0; draw < draws; ++draw) low += random.below(3ULL << 62) < 1ULL << 62;
  EXPECT_NEAR(low, draws / 3, 410);  // five standard deviations of 82
}

TEST(Shuffle, GivesEveryPermutationEquallyOften) {
  RandomStream random(philox_key(3, Purpose::epoch_order));
  std::array<int, 6> seen{};
  constexpr int rounds = 12'000;
  for (int round = 0; round < rounds; ++round) {
    std::array<int, 3> items{0, 1, 2};
    shuffle(std::span<int>(items), random);
    std::array<int, 3> sorted = items;
    std::ranges::sort(sorted);
    ASSERT_THAT(sorted, ElementsAre(0, 1, 2));
    ++seen.at(items[0] * 2 + (items[1] > items[2]));
  }
  for (const int count : seen) EXPECT_NEAR(count, rounds / 6, 205);  // five standard deviations of 41
}

}  // namespace
}  // namespace layersweep::base
