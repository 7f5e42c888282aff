#include "base/random.hpp"

#include "base/error.hpp"

namespace layersweep::base {
namespace {

constexpr std::uint32_t low(std::uint64_t word) { return static_cast<std::uint32_t>(word); }
constexpr std::uint32_t high(std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); }

}  // namespace

PhiloxKey philox_key(std::uint64_t seed, Purpose purpose, std::initializer_list<std::uint64_t> words) {
  PhiloxKey key{low(seed), high(seed)};
  std::uint32_t place = 0;
  const auto mix = [&](std::uint64_t word) {
    // The place sets (a, b) apart from (b, a); the last counter word keeps these counters apart from a stream's.
    const PhiloxCounter mixed = philox({low(word), high(word), place++, 0xFFFFFFFFU}, key);
    key = {mixed[0], mixed[1]};
  };
  mix(static_cast<std::uint64_t>(purpose));
  for (const std::uint64_t word : words) mix(word);
  return key;
}

std::uint32_t RandomStream::next() {
  if (used_ == words_.size()) {
    words_ = philox({low(block_), high(block_), 0, 0}, key_);
    ++block_;
    used_ = 0;
  }
  return words_[used_++];
}

std::uint64_t RandomStream::next64() {
  const std::uint64_t upper = next();
  return upper << 32 | next();
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  ensure(bound > 0, "a draw below zero");
  // 2^64 mod bound values are left over; refusing the lowest of them leaves every remainder equally likely.
  const std::uint64_t leftover = (0 - bound) % bound;
  std::uint64_t draw = next64();
  while (draw < leftover) draw = next64();
  return draw % bound;
}

}  // namespace layersweep::base
