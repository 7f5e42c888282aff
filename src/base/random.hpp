// Random numbers as pure functions: the same bits on every platform, for every number of ranks and threads.
// Philox4x32-10 of Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
// Never use std:: distributions beside it: their results differ between standard libraries.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <span>
#include <utility>

namespace layersweep::base {

using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

/// Four independent uniform 32-bit numbers for a (counter, key). Inline, so that loops over counters vectorise.
constexpr PhiloxCounter philox(PhiloxCounter counter, PhiloxKey key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t second = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
    key = {key[0] + 0x9E3779B9U, key[1] + 0xBB67AE85U};
  }
  return counter;
}

/// What draws are for; part of every key, so that equal seeds never give equal numbers in two places.
enum class Purpose : std::uint64_t {
  epoch_order = 1,
  gate_noise = 2,
  counting_task = 3,
  initial_weights = 4,
  explainers = 5,
  token_sample = 6,
  shuffled_head = 7
};

/// A key for (seed, purpose, words…), e.g. words = mode, probe, step; mixed so that different words give unrelated keys.
PhiloxKey philox_key(std::uint64_t seed, Purpose purpose, std::initializer_list<std::uint64_t> words = {});

/// (bits + 0.5) / 2^32: strictly between 0 and 1. Stay in double until after log or logit; as a float it can become 1.
constexpr double open_uniform(std::uint32_t bits) { return (bits + 0.5) * 0x1p-32; }

/// Two independent normal draws of two uniform ones (Box and Muller 1958), each worked out when asked for.
struct NormalPair {
  double radius, angle;
  double first() const { return radius * std::cos(angle); }
  double second() const { return radius * std::sin(angle); }
};
inline NormalPair normal_pair(std::uint32_t first_bits, std::uint32_t second_bits) {
  return {std::sqrt(-2.0 * std::log(open_uniform(first_bits))), 2.0 * std::numbers::pi * open_uniform(second_bits)};
}

/// Sequential draws from one key, for shuffles and generators whose number of draws is not known beforehand.
class RandomStream {
 public:
  explicit RandomStream(PhiloxKey key) : key_(key) {}

  std::uint32_t next();
  std::uint64_t next64();
  /// Uniform on 0 .. bound − 1, without modulo bias; bound > 0.
  std::uint64_t below(std::uint64_t bound);

 private:
  PhiloxKey key_;
  std::uint64_t block_ = 0;
  PhiloxCounter words_{};
  std::size_t used_ = 4;
};

/// Fisher–Yates.
template <class T>
void shuffle(std::span<T> items, RandomStream& random) {
  for (std::size_t left = items.size(); left > 1; --left) std::swap(items[left - 1], items[random.below(left)]);
}

}  // namespace layersweep::base
