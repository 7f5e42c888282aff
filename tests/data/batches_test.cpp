#include "data/batches.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/random.hpp"
#include "data/prepare.hpp"
#include "support/files.hpp"
#include "tests/text/tokenizer_support.hpp"

namespace layersweep::data {
namespace {

// Sentence lengths much like SST's (mean 25, longest about 80): the sum of 16 uniform draws, stretched.
std::vector<std::int64_t> synthetic_lengths(std::int64_t count) {
  base::RandomStream random(base::philox_key(11, base::Purpose::counting_task));
  std::vector<std::int64_t> lengths;
  for (std::int64_t example = 0; example < count; ++example) {
    double normal = -8;
    for (int draw = 0; draw < 16; ++draw) normal += base::open_uniform(random.next());
    lengths.push_back(std::clamp<std::int64_t>(std::llround(22 * std::exp(0.4 * normal)), 3, 84));
  }
  return lengths;
}

std::vector<std::int64_t> examples_of(const std::vector<GlobalBatch>& batches) {
  std::vector<std::int64_t> examples;
  for (const GlobalBatch& batch : batches) {
    for (const Shard& shard : batch.shards) examples.insert(examples.end(), shard.begin(), shard.end());
  }
  return examples;
}

bool is_partition(std::vector<std::int64_t> examples, std::size_t count) {
  std::ranges::sort(examples);
  std::vector<std::int64_t> all(count);
  std::iota(all.begin(), all.end(), 0);
  return examples == all;
}

// Padding tokens among all tokens computed, when each shard is padded to its own longest example.
double padding_share(const std::vector<GlobalBatch>& batches, std::span<const std::int64_t> lengths) {
  double real = 0, computed = 0;
  for (const GlobalBatch& batch : batches) {
    for (const Shard& shard : batch.shards) {
      std::int64_t longest = 0;
      for (const std::int64_t example : shard) {
        real += static_cast<double>(lengths[example]);
        longest = std::max(longest, lengths[example]);
      }
      computed += static_cast<double>(longest * std::ssize(shard));
    }
  }
  return 1 - real / computed;
}

TEST(EpochBatches, EachEpochIsAPartition) {
  for (const std::int64_t count : {0, 1, 5, 63, 64, 65, 1024, 1025, 3000}) {
    const auto lengths = synthetic_lengths(count);
    for (const std::int64_t batch : {1, 7, 64}) {
      for (const int shards : {1, 3, 8}) {
        for (const std::int64_t epoch : {0, 1}) {
          const auto batches = epoch_batches(lengths, {batch, shards, 5}, epoch);
          ASSERT_TRUE(is_partition(examples_of(batches), lengths.size())) << count << ' ' << batch << ' ' << shards;
          ASSERT_EQ(std::ssize(batches), (count + batch - 1) / batch);
        }
      }
    }
  }
}

TEST(EpochBatches, AreOfTheSettingsSizeAndOnlyTheLastIsSmaller) {
  const auto lengths = synthetic_lengths(1000);
  const auto batches = epoch_batches(lengths, {64, 8, 0}, 3);
  for (std::size_t step = 0; step < batches.size(); ++step) {
    ASSERT_EQ(batches[step].shards.size(), 8U);
    ASSERT_EQ(batches[step].size(), step + 1 < batches.size() ? 64 : 1000 % 64);
    const auto [smallest, largest] =
        std::ranges::minmax(batches[step].shards, {}, [](const Shard& shard) { return shard.size(); });
    EXPECT_LE(largest.size() - smallest.size(), 1U);
  }
  // Three examples in eight shards: the empty ones are the trailing ones.
  const auto few = epoch_batches(std::vector<std::int64_t>{4, 5, 6}, {64, 8, 0}, 0);
  ASSERT_EQ(few.size(), 1U);
  for (std::size_t shard = 0; shard < 8; ++shard) EXPECT_EQ(few[0].shards[shard].size(), shard < 3 ? 1U : 0U);
}

TEST(EpochBatches, AreInOrderOfLengthWithinABatch) {
  const auto lengths = synthetic_lengths(2000);
  for (const GlobalBatch& batch : epoch_batches(lengths, {64, 8, 0}, 0)) {
    const auto examples = examples_of({batch});
    EXPECT_TRUE(std::ranges::is_sorted(examples, {}, [&](std::int64_t example) { return lengths[example]; }));
  }
}

TEST(EpochBatches, DependOnSeedAndEpochOnly) {
  const auto lengths = synthetic_lengths(500);
  const auto order = [&](std::uint64_t seed, std::int64_t epoch) {
    return examples_of(epoch_batches(lengths, {64, 8, seed}, epoch));
  };
  EXPECT_EQ(order(1, 0), order(1, 0));
  EXPECT_NE(order(1, 0), order(1, 1));
  EXPECT_NE(order(1, 0), order(2, 0));
  // The number of shards cuts a batch, it does not choose its examples.
  EXPECT_EQ(examples_of(epoch_batches(lengths, {64, 1, 1}, 0)), order(1, 0));
}

TEST(EpochBatches, StayWhatTheyWere) {
  // A resumed run must meet the same batches after an update. Worked out by a second implementation in Python.
  const std::vector<std::int64_t> lengths{3, 1, 4, 1, 5, 9, 2, 6};
  EXPECT_THAT(examples_of(epoch_batches(lengths, {3, 2, 42}, 7)), testing::ElementsAre(3, 1, 6, 0, 2, 4, 7, 5));
}

TEST(EpochBatches, MixExamplesBetweenEpochs) {
  // How often two examples meet in a batch again: without shuffling before the pools, neighbours in length would always.
  const auto lengths = synthetic_lengths(4096);
  const auto batch_of = [&](std::int64_t epoch) {
    std::vector<int> number(lengths.size());
    const auto batches = epoch_batches(lengths, {64, 8, 0}, epoch);
    for (std::size_t batch = 0; batch < batches.size(); ++batch) {
      for (const std::int64_t example : examples_of({batches[batch]})) number[example] = static_cast<int>(batch);
    }
    return number;
  };
  const auto first = batch_of(0), second = batch_of(1);
  int together = 0, again = 0;
  for (std::size_t left = 0; left < lengths.size(); left += 7) {
    for (std::size_t right = left + 1; right < lengths.size(); ++right) {
      if (first[left] != first[right]) continue;
      ++together;
      again += second[left] == second[right];
    }
  }
  // Four pools: equals in length meet again in at most one of four cases.
  EXPECT_LT(static_cast<double>(again) / together, 0.25);
}

TEST(EpochBatches, WasteFewTokensOnPadding) {
  const auto lengths = synthetic_lengths(8544);
  EXPECT_LT(padding_share(epoch_batches(lengths, {64, 8, 0}, 0), lengths), 0.03);
  EXPECT_LT(padding_share(ordered_batches(lengths, {64, 8, 0}), lengths), 0.01);
}

TEST(EpochBatches, WasteFewTokensOfSst) {
  const auto folder = test::data_dir();
  const auto encoder = test::minilm_dir();
  if (!folder || !std::filesystem::exists(encoder))
    GTEST_SKIP() << "needs LAYERSWEEP_DATA with sst/ and the encoder minilm-l6";
  const Corpus corpus = prepare_sst(*folder, terms::Split::train, text::Tokenizer::open(encoder), 128);
  std::vector<std::int64_t> lengths;
  for (std::int64_t example = 0; example < corpus.size(); ++example) lengths.push_back(corpus.length(example));
  for (const std::int64_t epoch : {0, 1, 2}) {
    const double share = padding_share(epoch_batches(lengths, {64, 8, 0}, epoch), lengths);
    EXPECT_LT(share, 0.03);
    RecordProperty("padding_percent_epoch_" + std::to_string(epoch), std::to_string(100 * share));
  }
}

TEST(OrderedBatches, AreAllExamplesInOrderOfLengthThenIndex) {
  const std::vector<std::int64_t> lengths{5, 2, 5, 1, 2};
  const auto batches = ordered_batches(lengths, {2, 1, 9});
  EXPECT_THAT(examples_of(batches), testing::ElementsAre(3, 1, 4, 0, 2));
  ASSERT_EQ(batches.size(), 3U);
  EXPECT_EQ(batches.back().size(), 1);
}

TEST(ShardsOfRank, AreAPartitionOfNearlyEqualParts) {
  for (int shards = 0; shards <= 17; ++shards) {
    for (int size = 1; size <= 9; ++size) {
      int next = 0;
      for (int rank = 0; rank < size; ++rank) {
        const ShardRange range = shards_of_rank(shards, rank, size);
        ASSERT_EQ(range.begin, next);
        ASSERT_GE(range.end - range.begin, shards / size);
        ASSERT_LE(range.end - range.begin, (shards + size - 1) / size);
        next = range.end;
      }
      ASSERT_EQ(next, shards);
    }
  }
}

TEST(ShardsOfRank, AreWholeSubtreesOfTheBinaryTree) {
  // A rank adds up its own shards before it meets others: its range must be a node of the tree over shard numbers.
  for (const int size : {1, 2, 4, 8}) {
    for (int rank = 0; rank < size; ++rank) {
      const ShardRange range = shards_of_rank(8, rank, size);
      EXPECT_EQ(range.end - range.begin, 8 / size);
      EXPECT_EQ(range.begin % (8 / size), 0);
    }
  }
}

}  // namespace
}  // namespace layersweep::data
