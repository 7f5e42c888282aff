// Mean and variance of every feature over rows that come in parts, in one pass and in double precision.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/packed.hpp"

namespace layersweep::stats {

/// Rows of floats, each given by its first feature.
using Rows = std::span<const float* const>;

/// Rows added together are summed as deviations from the first of them; parts are then merged by the formula of Chan, Golub
/// and LeVeque, "Algorithms for computing the sample variance" (The American Statistician 37, 1983).
class Moments {
 public:
  explicit Moments(std::int64_t width) : width_(width) {}

  void add(Rows rows);
  void merge(const Moments& other);

  std::int64_t count() const { return count_; }
  /// Empty without rows, as variance.
  const std::vector<double>& mean() const { return mean_; }
  /// Divided by the number of rows (of the whole population).
  std::vector<double> variance() const;

  void pack_into(Packed& out) const;
  static Moments unpack(std::int64_t width, Unpacker& in);

 private:
  void merge(std::int64_t count, std::span<const double> mean, std::span<const double> squares);

  std::int64_t width_;
  std::int64_t count_ = 0;
  std::vector<double> mean_, squares_;  // squares: the sum of squared deviations from the mean; empty without rows
};

}  // namespace layersweep::stats
