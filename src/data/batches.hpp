// Which examples train together. Pure functions of (lengths, settings, seed, epoch): never of the number of ranks.
//
// The examples are shuffled, sorted by length within pools of 16 batches, cut into batches and each batch into virtual
// shards of consecutive (hence nearly equally long) examples; then the batches are shuffled. A shard is the unit of
// computation: no matrix product spans two shards.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace layersweep::data {

struct BatchSettings {
  std::int64_t batch = 64;  ///< examples in a global batch
  int shards = 8;           ///< virtual shards a batch is cut into
  std::uint64_t seed = 0;
};

using Shard = std::vector<std::int64_t>;  ///< example indices, in order of length

struct GlobalBatch {
  std::vector<Shard> shards;  ///< exactly `settings.shards`, trailing ones may be empty in the last batch of an epoch
  std::int64_t size() const;  ///< examples in all shards
};

std::vector<GlobalBatch> epoch_batches(std::span<const std::int64_t> lengths, const BatchSettings& settings,
                                       std::int64_t epoch);

/// For evaluation and extraction: all examples in order of length (ties by index), `batch` at a time, not shuffled.
std::vector<GlobalBatch> ordered_batches(std::span<const std::int64_t> lengths, const BatchSettings& settings);

/// The half-open range of shards that `rank` of `size` computes: contiguous, sizes differ by at most one.
struct ShardRange {
  int begin = 0;
  int end = 0;
};
ShardRange shards_of_rank(int shards, int rank, int size);

}  // namespace layersweep::data
