#include "stats/token_sample.hpp"

namespace layersweep::stats {

TokenSample::TokenSample(std::uint64_t seed, std::int64_t size)
    : key_(base::philox_key(seed, base::Purpose::token_sample)), size_(static_cast<std::size_t>(size)) {}

std::uint64_t TokenSample::key_of(std::int64_t example, std::int64_t position) const {
  const auto words = base::philox({static_cast<std::uint32_t>(example), static_cast<std::uint32_t>(example >> 32),
                                   static_cast<std::uint32_t>(position), 0},
                                  key_);
  return (std::uint64_t{words[0]} << 32) | words[1];
}

void TokenSample::offer(std::int64_t example, std::int64_t position) {
  const std::uint64_t key = key_of(example, position);
  if (smallest_.size() < size_) {
    smallest_.push(key);
  } else if (size_ > 0 && key < smallest_.top()) {
    smallest_.pop();
    smallest_.push(key);
  }
}

bool TokenSample::has(std::int64_t example, std::int64_t position) const {
  return !smallest_.empty() && key_of(example, position) <= smallest_.top();
}

}  // namespace layersweep::stats
