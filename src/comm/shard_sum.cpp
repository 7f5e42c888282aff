#include "comm/shard_sum.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace layersweep::comm {
namespace {

bool are_siblings(TreeNode left, TreeNode right) {
  return left.level == right.level && left.index % 2 == 0 && right.index == left.index + 1;
}

TreeNode parent_of(TreeNode node) { return {node.level + 1, node.index / 2}; }

// Appends a node as a binary counter does: while it completes the node before it, the two become their parent.
// combine(left, right) changes `left` into the parent's value.
template <class Entry, class Combine>
void push_node(std::vector<Entry>& stack, Entry entry, Combine&& combine) {
  while (!stack.empty() && are_siblings(stack.back().node, entry.node)) {
    Entry left = std::move(stack.back());
    stack.pop_back();
    combine(left, entry);
    left.node = parent_of(left.node);
    entry = std::move(left);
  }
  stack.push_back(std::move(entry));
}

}  // namespace

void add_into(std::span<float> sum, std::span<const float> addend) {
  float* const to = sum.data();
  const float* const from = addend.data();
  const std::size_t count = sum.size();
  for (std::size_t i = 0; i < count; ++i) to[i] += from[i];
}

std::vector<TreeNode> aligned_subtrees(int begin, int end) {
  struct Entry {
    TreeNode node;
  };
  std::vector<Entry> stack;
  for (int shard = begin; shard < end; ++shard) push_node(stack, Entry{{0, shard}}, [](Entry&, const Entry&) {});
  std::vector<TreeNode> nodes;
  for (const Entry& entry : stack) nodes.push_back(entry.node);
  return nodes;
}

ShardSum::ShardSum(int begin, int end, std::size_t count) : begin_(begin), end_(end), count_(count), next_(begin) {
  base::ensure(0 <= begin && begin <= end, "a range of shards is not a range");
}

void ShardSum::add(int shard, std::span<const float> gradient) {
  if (finished_) start_round();
  base::ensure(shard >= next_ && shard < end_, "shards are not added in ascending order within their rank's range");
  base::ensure(gradient.size() == count_, "a shard's gradient has another length");
  while (next_ < shard) push_leaf(next_, {});
  push_leaf(shard, gradient);
}

std::span<PartialSum> ShardSum::finish() {
  if (finished_) start_round();
  while (next_ < end_) push_leaf(next_, {});
  finished_ = true;
  return stack_;
}

void ShardSum::start_round() {
  for (PartialSum& part : stack_) {
    if (!part.values.empty()) free_.push_back(std::move(part.values));
  }
  stack_.clear();
  next_ = begin_;
  finished_ = false;
}

void ShardSum::push_leaf(int shard, std::span<const float> gradient) {
  PartialSum leaf{{0, shard}, {}};
  ++next_;
  if (!gradient.empty()) {
    if (!stack_.empty() && are_siblings(stack_.back().node, leaf.node) && !stack_.back().values.empty()) {
      add_into(stack_.back().values, gradient);  // straight into the sibling, without a copy: `leaf` then adds nothing
    } else {
      leaf.values = take_buffer();
      std::ranges::copy(gradient, leaf.values.begin());
    }
  }
  push_node(stack_, std::move(leaf), [this](PartialSum& left, PartialSum& right) {
    if (right.values.empty()) return;
    if (left.values.empty()) {
      left.values = std::move(right.values);
      return;
    }
    add_into(left.values, right.values);
    free_.push_back(std::move(right.values));
  });
}

std::vector<float> ShardSum::take_buffer() {
  if (free_.empty()) return std::vector<float>(count_);
  std::vector<float> buffer = std::move(free_.back());
  free_.pop_back();
  return buffer;
}

void finish_tree(std::span<const TreeNode> nodes, std::span<const std::span<float>> columns) {
  struct Entry {
    TreeNode node;
    std::span<float> values;
  };
  const auto combine = [](Entry& left, const Entry& right) { add_into(left.values, right.values); };
  std::vector<Entry> stack;
  for (std::size_t i = 0; i < nodes.size(); ++i) push_node(stack, Entry{nodes[i], columns[i]}, combine);
  // What is left are the powers of two in the number of shards, largest first; a node whose sibling covers no shard is its
  // parent's value, so that the rest folds from the right.
  while (stack.size() > 1) {
    const Entry right = stack.back();
    stack.pop_back();
    combine(stack.back(), right);
  }
}

}  // namespace layersweep::comm
