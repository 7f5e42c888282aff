#include "encoder/shard_tree.hpp"

#include <ATen/ops/empty.h>

namespace layersweep::encoder {

at::Tensor ShardTree::buffer(std::int64_t count) {
  if (free_.empty()) return at::empty({count});
  at::Tensor last = free_.back();
  free_.pop_back();
  return last;
}

void ShardTree::add(const at::Tensor& gradient) {
  Node node{0, gradient};
  while (!stack_.empty() && stack_.back().level == node.level) {
    node = {node.level + 1, join(stack_.back().value, node.value)};
    stack_.pop_back();
  }
  stack_.push_back(node);
}

at::Tensor ShardTree::sum() {
  at::Tensor total;
  for (; !stack_.empty(); stack_.pop_back()) total = join(stack_.back().value, total);
  return total;
}

at::Tensor ShardTree::join(const at::Tensor& left, const at::Tensor& right) {
  if (!left.defined()) return right;
  if (right.defined()) {
    left.add_(right);
    release(right);
  }
  return left;
}

}  // namespace layersweep::encoder
