#include "jobs/steps/extract/chunks.hpp"

#include <algorithm>

namespace layersweep::jobs {

std::int64_t Chunk::token_of(std::int64_t example) const {
  const auto start = corpus->token_start();
  return first_token + start[static_cast<std::size_t>(example)] - start[static_cast<std::size_t>(first)];
}

std::vector<Chunk> chunks_of(const Texts& texts, const std::vector<terms::Split>& splits) {
  std::vector<Chunk> chunks;
  SlabStart next;
  for (const terms::Split split : splits) {
    const data::Corpus& corpus = texts.of(split);
    for (std::int64_t first = 0; first < corpus.size(); first += chunk_examples) {
      Chunk chunk{&corpus, split, first, std::min(chunk_examples, corpus.size() - first), next.example, next.token, 0};
      chunk.tokens = chunk.token_of(first + chunk.count) - chunk.first_token;
      next = {next.example + chunk.count, next.token + chunk.tokens};
      chunks.push_back(chunk);
    }
  }
  return chunks;
}

SlabStart start_of(std::span<const Chunk> chunks) {
  return chunks.empty() ? SlabStart{} : SlabStart{chunks.front().first_example, chunks.front().first_token};
}

}  // namespace layersweep::jobs
