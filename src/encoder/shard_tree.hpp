// The sum of shards' gradients where one process has them all: in place, in the fixed binary tree over shard numbers that
// ranks use together (siblings 2i and 2i + 1 meet, then their parents), so the bits are the same.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace layersweep::encoder {

class ShardTree {
 public:
  /// A buffer of `count` values, uninitialised: one that was added before, or a new one.
  at::Tensor buffer(std::int64_t count);

  /// Shards in rising order from 0, each a buffer of ours; undefined for a shard without examples.
  void add(const at::Tensor& gradient);

  /// The sum over all shards added, which starts the next round; undefined if none had examples. The caller gives the
  /// buffer back by `release`.
  at::Tensor sum();
  void release(const at::Tensor& buffer) { free_.push_back(buffer); }

 private:
  struct Node {
    int level;
    at::Tensor value;
  };
  at::Tensor join(const at::Tensor& left, const at::Tensor& right);

  std::vector<Node> stack_;  // complete subtrees, from the left, levels falling
  std::vector<at::Tensor> free_;
};

}  // namespace layersweep::encoder
