// Accumulators at rest and on their way between ranks: plain doubles, one after another. Counts stay exact up to 2^53.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error.hpp"

namespace layersweep::stats {

using Packed = std::vector<double>;

inline void pack(Packed& out, double value) { out.push_back(value); }
inline void pack(Packed& out, std::span<const double> values) { out.insert(out.end(), values.begin(), values.end()); }

/// Reads back in the order of packing. Throws InternalError when there is too little.
class Unpacker {
 public:
  explicit Unpacker(std::span<const double> values) : left_(values) {}

  double number() { return take(1).front(); }
  std::int64_t count() { return static_cast<std::int64_t>(number()); }
  std::vector<double> numbers(std::int64_t count) {
    const auto values = take(static_cast<std::size_t>(count));
    return {values.begin(), values.end()};
  }
  bool is_at_end() const { return left_.empty(); }

 private:
  std::span<const double> take(std::size_t count) {
    base::ensure(count <= left_.size(), "packed statistics end too early");
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }

  std::span<const double> left_;
};

}  // namespace layersweep::stats
