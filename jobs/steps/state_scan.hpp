// One pass over the texts of a split that sums up hidden states: in which order, and what each virtual shard keeps.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/batches.hpp"
#include "data/corpus.hpp"
#include "model/model.hpp"
#include "stats/hidden_statistics.hpp"
#include "stats/linear_cka.hpp"
#include "stats/token_sample.hpp"

namespace layersweep::jobs {

/// Stretches of consecutive texts, each sorted by length and cut into batches of 16 texts a shard: the memory is that of one
/// stretch. A function of the lengths and the number of shards.
class ScanOrder {
 public:
  ScanOrder(const data::Corpus& corpus, int shards);

  std::int64_t batches() const;
  /// The examples of a batch by shard; lives until the next call.
  const data::GlobalBatch& batch(std::int64_t number);

 private:
  const data::Corpus& corpus_;
  int shards_;
  std::int64_t batch_texts_;
  std::int64_t stretch_ = -1;  // the one that lies in `batches_`
  std::vector<data::GlobalBatch> batches_;
};

/// The tokens of the corpus that CKA is computed over: `size` of those that are not special.
stats::TokenSample sample_tokens(const data::Corpus& corpus, std::uint64_t seed, std::int64_t size);

/// What a virtual shard knows after so many batches. Nothing in it depends on other shards.
struct ShardStates {
  ShardStates(int number, const std::vector<std::int64_t>& widths);

  /// One more piece of the shard's texts: examples of the corpus and their states.
  void add(const data::Corpus& corpus, const std::vector<std::int64_t>& examples, const model::Clean& clean,
           const stats::TokenSample& sample);

  /// Keeps it in `folder` in place of what was kept of it before, or finds that there. `identity` is that of the run. Throws
  /// InputError.
  void save(const std::filesystem::path& folder, const std::string& identity) const;
  void resume(const std::filesystem::path& folder, const std::string& identity, const std::vector<std::int64_t>& widths);

  int shard;
  std::int64_t batches = 0;
  stats::HiddenStatistics figures;
  stats::SampledStates sampled;
};

}  // namespace layersweep::jobs
