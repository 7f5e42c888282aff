// A random sample of tokens, without replacement and uniform over all of them, that is the same for any order of looking and
// any number of ranks: the tokens with the smallest keys, where a key is a function of (seed, example, position).
#pragma once

#include <cstddef>
#include <cstdint>
#include <queue>

#include "base/random.hpp"

namespace layersweep::stats {

class TokenSample {
 public:
  /// Of at most `size` tokens.
  TokenSample(std::uint64_t seed, std::int64_t size);

  /// Shows a token; to be done with all of them, in any order, before asking. The memory is that of `size` keys.
  void offer(std::int64_t example, std::int64_t position);
  bool has(std::int64_t example, std::int64_t position) const;

 private:
  std::uint64_t key_of(std::int64_t example, std::int64_t position) const;

  base::PhiloxKey key_;
  std::size_t size_;
  std::priority_queue<std::uint64_t> smallest_;  // the largest of them on top
};

}  // namespace layersweep::stats
