// The sum over virtual shards depends on the shards only, bit for bit, never on how ranks share them.
#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "comm/shard_sum.hpp"
#include "shard_reference.hpp"

namespace layersweep::comm {
namespace {

using test::bits;
using test::Shards;

// What a team of `ranks` computes, in one process: each rank's partial sums, then the finish over all nodes.
std::vector<float> sum_over_layout(const Shards& shards, int ranks) {
  const int shard_count = static_cast<int>(shards.size());
  const std::size_t count = test::gradient_length(shards);
  std::vector<TreeNode> nodes;
  std::vector<std::vector<float>> values;
  for (int rank = 0; rank < ranks; ++rank) {
    ShardSum local(shard_count * rank / ranks, shard_count * (rank + 1) / ranks, count);
    std::span<PartialSum> parts;
    for (int round = 0; round < 2; ++round) {  // the second round runs on used buffers
      for (int shard = shard_count * rank / ranks; shard < shard_count * (rank + 1) / ranks; ++shard) {
        if (const auto& gradient = shards[static_cast<std::size_t>(shard)]) local.add(shard, *gradient);
      }
      parts = local.finish();
    }
    for (const PartialSum& part : parts) {
      nodes.push_back(part.node);
      values.push_back(part.values.empty() ? std::vector<float>(count, -0.0F) : part.values);
    }
  }
  finish_tree(nodes, std::vector<std::span<float>>(values.begin(), values.end()));
  return values.front();
}

TEST(ShardSum, HasTheBitsOfTheTreeInEveryLayout) {
  std::mt19937 random(7);
  for (const int shard_count : {1, 2, 3, 5, 6, 7, 8, 12, 16}) {
    for (int trial = 0; trial < 10; ++trial) {
      const Shards shards = test::adversarial_shards(shard_count, 257, trial < 5 ? 0.0 : 0.4, random);
      const std::vector<float> expected = test::tree_sum(shards);
      for (const int ranks : {1, 2, 3, 4, 5, 8, 11, 20}) {
        EXPECT_EQ(bits(sum_over_layout(shards, ranks)), bits(expected)) << shard_count << " shards, " << ranks << " ranks";
      }
    }
  }
}

// The same values added rank by rank differ: the test above can fail.
TEST(ShardSum, DiffersFromSumsInOtherOrders) {
  std::mt19937 random(7);
  const Shards shards = test::adversarial_shards(8, 257, 0.0, random);
  std::vector<float> in_sequence(257, 0.0F);
  for (const auto& shard : shards) add_into(in_sequence, *shard);
  EXPECT_NE(bits(in_sequence), bits(test::tree_sum(shards)));
}

TEST(ShardSum, CancelsInTreeOrder) {
  // ((1e8 + 1) + (−1e8 + 1)) = 0 + … : 1e8 + 1 rounds to 1e8 and −1e8 + 1 to −1e8 in float32.
  const Shards shards{{{1e8F}}, {{1.0F}}, {{-1e8F}}, {{1.0F}}};
  EXPECT_EQ(sum_over_layout(shards, 1), std::vector<float>{0.0F});
  EXPECT_EQ(sum_over_layout(shards, 3), std::vector<float>{0.0F});
}

TEST(ShardSum, RefusesShardsOutOfOrder) {
  ShardSum sum(2, 5, 1);
  const std::vector<float> one{1.0F};
  EXPECT_ANY_THROW(sum.add(1, one));
  sum.add(3, one);
  EXPECT_ANY_THROW(sum.add(3, one));
  EXPECT_ANY_THROW(sum.add(5, one));
  EXPECT_ANY_THROW(sum.add(4, std::vector<float>{1.0F, 2.0F}));
}

TEST(AlignedSubtrees, PartitionTheRangeIntoMaximalNodes) {
  for (int begin = 0; begin <= 20; ++begin) {
    for (int end = begin; end <= 20; ++end) {
      int next = begin;
      for (const TreeNode node : aligned_subtrees(begin, end)) {
        const int size = 1 << node.level;
        EXPECT_EQ(node.index * size, next);
        next += size;
        // The parent would leave the range.
        const int parent_begin = (node.index / 2) * 2 * size;
        EXPECT_TRUE(parent_begin < begin || parent_begin + 2 * size > end);
      }
      EXPECT_EQ(next, end);
    }
  }
}

}  // namespace
}  // namespace layersweep::comm
