#include "data/batches.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "base/random.hpp"

namespace layersweep::data {
namespace {

// Wide enough that neighbours in length are found, narrow enough that an epoch stays well mixed.
constexpr std::int64_t kBatchesPerPool = 16;

void check(const BatchSettings& settings) {
  base::ensure(settings.batch > 0, "a batch of no examples");
  base::ensure(settings.shards > 0, "a batch of no shards");
}

std::vector<std::int64_t> indices(std::size_t count) {
  std::vector<std::int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  return order;
}

// Consecutive parts whose sizes differ by at most one, the larger first: what is left empty is at the end.
GlobalBatch cut_into_shards(std::span<const std::int64_t> examples, int shards) {
  GlobalBatch batch;
  const std::size_t count = static_cast<std::size_t>(shards);
  const std::size_t small = examples.size() / count;
  const std::size_t larger_ones = examples.size() % count;
  std::size_t begin = 0;
  for (std::size_t shard = 0; shard < count; ++shard) {
    const std::size_t size = small + (shard < larger_ones ? 1 : 0);
    const auto part = examples.subspan(begin, size);
    batch.shards.emplace_back(part.begin(), part.end());
    begin += size;
  }
  return batch;
}

std::vector<GlobalBatch> cut_into_batches(std::span<const std::int64_t> examples, const BatchSettings& settings) {
  std::vector<GlobalBatch> batches;
  const std::size_t size = static_cast<std::size_t>(settings.batch);
  for (std::size_t begin = 0; begin < examples.size(); begin += size) {
    batches.push_back(cut_into_shards(examples.subspan(begin, std::min(size, examples.size() - begin)), settings.shards));
  }
  return batches;
}

}  // namespace

std::int64_t GlobalBatch::size() const {
  std::size_t total = 0;
  for (const Shard& shard : shards) total += shard.size();
  return static_cast<std::int64_t>(total);
}

std::vector<GlobalBatch> epoch_batches(std::span<const std::int64_t> lengths, const BatchSettings& settings,
                                       std::int64_t epoch) {
  check(settings);
  base::RandomStream random(
      base::philox_key(settings.seed, base::Purpose::epoch_order, {static_cast<std::uint64_t>(epoch)}));
  std::vector<std::int64_t> order = indices(lengths.size());
  base::shuffle(std::span(order), random);

  const std::ptrdiff_t pool = kBatchesPerPool * settings.batch;
  const std::ptrdiff_t count = std::ssize(order);
  for (std::ptrdiff_t begin = 0; begin < count; begin += pool) {
    std::stable_sort(order.begin() + begin, order.begin() + std::min(begin + pool, count),
                     [&](std::int64_t left, std::int64_t right) { return lengths[left] < lengths[right]; });
  }

  std::vector<GlobalBatch> batches = cut_into_batches(order, settings);
  // An incomplete batch stays the last one, so that all steps of an epoch but the last are of one size.
  const std::size_t complete = order.size() / static_cast<std::size_t>(settings.batch);
  base::shuffle(std::span(batches).first(complete), random);
  return batches;
}

std::vector<GlobalBatch> ordered_batches(std::span<const std::int64_t> lengths, const BatchSettings& settings) {
  check(settings);
  std::vector<std::int64_t> order = indices(lengths.size());
  std::ranges::stable_sort(order, {}, [&](std::int64_t example) { return lengths[example]; });
  return cut_into_batches(order, settings);
}

ShardRange shards_of_rank(int shards, int rank, int size) {
  base::ensure(shards >= 0 && size > 0 && rank >= 0 && rank < size, "a rank outside its team");
  const auto border = [&](std::int64_t part) { return static_cast<int>(std::int64_t{shards} * part / size); };
  return {border(rank), border(rank + 1)};
}

}  // namespace layersweep::data
