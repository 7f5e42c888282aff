// Quantiles of positive numbers from counts in bins that never move, so that parts merge exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "stats/packed.hpp"

namespace layersweep::stats {

/// Bins of equal ratio, 64 to an octave (1.1 % wide), from 2^-24 to 2^24; the first and the last take what lies beyond.
class NormHistogram {
 public:
  static constexpr int bins_per_octave = 64;
  static constexpr int octaves = 48;  ///< around 1

  void add(double norm);
  void merge(const NormHistogram& other);

  std::int64_t count() const { return count_; }
  /// The smallest number that is at least as large as a share `q` (0 … 1) of all, to within half a bin: its bin's middle,
  /// kept between the smallest and the largest number, which are exact and stand for the first and the last bin.
  /// NaN without numbers.
  double quantile(double q) const;

  void pack_into(Packed& out) const;
  static NormHistogram unpack(Unpacker& in);

 private:
  std::int64_t count_ = 0;
  double smallest_ = 0, largest_ = 0;
  std::vector<double> bins_;  // counts; empty without numbers
};

}  // namespace layersweep::stats
