// Sums of virtual shards in one fixed binary tree over shard numbers, so that the bits do not depend on who computes which
// shard. Node (level, index) covers the shards index·2^level … (index+1)·2^level − 1 that exist; its value is the float32
// sum of its two children, or the only child where the other covers no shard, or none that was added. Pure, no MPI.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace layersweep::comm {

/// sum[i] += addend[i].
void add_into(std::span<float> sum, std::span<const float> addend);

struct TreeNode {
  int level = 0;
  int index = 0;
  bool operator==(const TreeNode&) const = default;
};

/// The largest nodes that lie in [begin, end), from left to right: what one rank can sum on its own.
std::vector<TreeNode> aligned_subtrees(int begin, int end);

/// A partial sum in memory of its own. `values` is empty where no shard of the node was added.
struct PartialSum {
  TreeNode node;
  std::vector<float> values;
};

/// Adds the shards [begin, end) of one rank, one after the other; siblings are combined at once, so that at most
/// log2(shards) + 1 buffers live at a time. Buffers are kept for the next round.
class ShardSum {
 public:
  ShardSum(int begin, int end, std::size_t count);

  /// Shards come in ascending order; one without examples is left out. `gradient` has `count` values.
  void add(int shard, std::span<const float> gradient);

  /// Ends the round: the aligned subtrees of [begin, end) in order, valid until the next add.
  std::span<PartialSum> finish();

 private:
  void push_leaf(int shard, std::span<const float> gradient);
  void start_round();
  std::vector<float> take_buffer();

  int begin_;
  int end_;
  std::size_t count_;
  int next_ = 0;  // the shard expected next
  bool finished_ = false;
  std::vector<PartialSum> stack_;
  std::vector<std::vector<float>> free_;
};

/// Finishes the tree from nodes that together cover all shards, in order from shard 0: the sum lands in the first of
/// `columns`. Each column holds the same slice of one node's values; all are overwritten.
void finish_tree(std::span<const TreeNode> nodes, std::span<const std::span<float>> columns);

}  // namespace layersweep::comm
