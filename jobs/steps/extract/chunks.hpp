// The texts of a results file cut into runs of consecutive ones, which ranks share out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/corpus.hpp"
#include "jobs/context.hpp"
#include "terms/terms.hpp"

namespace layersweep::jobs {

/// Texts of a chunk. Each chunk is sorted by length inside and cut into shards: the composition of every product is fixed by
/// the experiment, while ranks take whole chunks.
inline constexpr std::int64_t chunk_examples = 64;

/// A run of consecutive examples of one split.
struct Chunk {
  const data::Corpus* corpus = nullptr;
  terms::Split split = terms::Split::train;
  std::int64_t first = 0;  ///< in its corpus
  std::int64_t count = 0;
  std::int64_t first_example = 0;  ///< in the file
  std::int64_t first_token = 0;    ///< in the file
  std::int64_t tokens = 0;

  /// Where the tokens of an example of the corpus begin in the file.
  std::int64_t token_of(std::int64_t example) const;

  /// Its part of a column of the corpus with a cell for each token, or nothing of an empty column.
  template <class T>
  std::span<const T> tokens_of(std::span<const T> column) const {
    if (column.empty()) return {};
    return column.subspan(static_cast<std::size_t>(corpus->token_start()[static_cast<std::size_t>(first)]),
                          static_cast<std::size_t>(tokens));
  }
};

/// In the order of the file.
std::vector<Chunk> chunks_of(const Texts& texts, const std::vector<terms::Split>& splits);

/// Where consecutive chunks begin in the file; 0 for none.
struct SlabStart {
  std::int64_t example = 0, token = 0;
};
SlabStart start_of(std::span<const Chunk> chunks);

}  // namespace layersweep::jobs
