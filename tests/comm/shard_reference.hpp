// Shards with values that punish any change of order, and their tree sum written straight from its definition.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

namespace layersweep::comm::test {

using Gradient = std::vector<float>;
using Shards = std::vector<std::optional<Gradient>>;  // none: a shard without examples

inline std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> all;
  for (const float value : values) all.push_back(std::bit_cast<std::uint32_t>(value));
  return all;
}

inline std::size_t gradient_length(const Shards& shards) {
  for (const auto& shard : shards) {
    if (shard) return shard->size();
  }
  return 0;
}

/// Values that cancel, that are absorbed, both zeros and a denormal; at least one shard is present.
inline Shards adversarial_shards(int count, std::size_t length, double absent_share, std::mt19937& random) {
  const std::vector<float> values{1e8F, -1e8F, 1.0F, -1.0F, 0.1F, 3e-5F, 0.0F, -0.0F, 1e-40F, -7.7e7F};
  std::uniform_int_distribution<std::size_t> pick(0, values.size() - 1);
  std::bernoulli_distribution absent(absent_share);
  Shards shards(static_cast<std::size_t>(count));
  for (auto& shard : shards) {
    if (absent(random) && &shard != &shards.back()) continue;
    shard.emplace(length);
    std::ranges::generate(*shard, [&] { return values[pick(random)]; });
  }
  return shards;
}

/// Node (level, index) = left child + right child, or the only one there is.
inline std::optional<Gradient> tree_node(const Shards& shards, int level, std::size_t index) {
  if (level == 0) return index < shards.size() ? shards[index] : std::nullopt;
  const auto left = tree_node(shards, level - 1, 2 * index);
  const auto right = tree_node(shards, level - 1, 2 * index + 1);
  if (!left || !right) return left ? left : right;
  Gradient sum(left->size());
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] = (*left)[i] + (*right)[i];
  return sum;
}

inline Gradient tree_sum(const Shards& shards) {
  int level = 0;
  while ((std::size_t{1} << level) < shards.size()) ++level;
  return *tree_node(shards, level, 0);
}

}  // namespace layersweep::comm::test
