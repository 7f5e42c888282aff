// Sums of shards' gradients in one process, in a fixed binary tree over shard numbers: an independent, simple version of
// what the ranks do together.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "model/finetune.hpp"

namespace layersweep::test {

class TreeSum final : public model::GradientSum {
 public:
  explicit TreeSum(int shards) : leaves_(shards) {}
  void add(int shard, std::span<const float> gradient) override {
    leaves_.at(shard) = std::vector<float>(gradient.begin(), gradient.end());
  }
  std::span<const float> sum() override {
    auto level = std::move(leaves_);
    leaves_ = std::vector<Node>(level.size());
    while (level.size() > 1) {
      std::vector<Node> above;
      for (std::size_t i = 0; i < level.size(); i += 2)
        above.push_back(join(level[i], i + 1 < level.size() ? level[i + 1] : Node()));
      level = std::move(above);
    }
    result_ = std::move(level.front().value());
    return result_;
  }

 private:
  using Node = std::optional<std::vector<float>>;
  static Node join(Node left, const Node& right) {
    if (!left) return right;
    if (right) {
      for (std::size_t i = 0; i < left->size(); ++i) (*left)[i] += (*right)[i];
    }
    return left;
  }
  std::vector<Node> leaves_;
  std::vector<float> result_;
};

inline model::MakeGradientSum tree_sum(int shards) {
  return [shards](std::size_t) { return std::make_unique<TreeSum>(shards); };
}

/// The accuracy as one rank finds it.
inline double accuracy(const model::Model& encoder, const data::Corpus& corpus) {
  constexpr int shards = 3;
  TreeSum sum(shards);
  return model::accuracy(encoder, corpus, {0, shards}, shards, sum);
}

}  // namespace layersweep::test
