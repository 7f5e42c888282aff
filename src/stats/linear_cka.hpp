// How similar the geometry of the same tokens is at two points: linear centred kernel alignment (Kornblith, Norouzi, Lee,
// Hinton, "Similarity of neural network representations revisited", ICML 2019).
//
// With X and Y (N x width, centred over the N tokens): ‖XᵀY‖² / (‖XᵀX‖·‖YᵀY‖), norms of Frobenius. This form takes
// N·width² multiply-adds for a pair of points; by the kernels XXᵀ and YYᵀ it would take N²·width and as much memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stats/packed.hpp"

namespace layersweep::stats {

/// The states of sampled tokens at all points, held by one shard: 4 bytes x features of all points for each token.
class SampledStates {
 public:
  explicit SampledStates(std::vector<std::int64_t> widths);

  /// One token: its row at each point.
  void add(std::span<const float* const> rows);

  std::int64_t count() const;
  /// Over the tokens, of every feature of every point.
  std::vector<double> sums() const;
  /// Takes the mean of all shards' tokens away. Afterwards nothing may be added.
  void centre(std::span<const double> mean);
  /// This shard's part of XᵀY, width(point) x width(other) floats to `out`; the parts of all shards add up.
  void cross_product(std::size_t point, std::size_t other, std::span<float> out) const;

  /// N x features of all points, row-major.
  std::span<const float> values() const { return values_; }
  void set_values(std::span<const float> values) { values_.assign(values.begin(), values.end()); }

 private:
  std::vector<std::int64_t> widths_, first_;  // of each point
  std::int64_t total_ = 0;                    // features of all points
  std::vector<float> values_;
};

double squared_norm(std::span<const float> values);

/// Of the squared norms of XᵀY, XᵀX and YᵀY; NaN where the states of a point do not differ.
double linear_cka(double between, double of_one, double of_other);

}  // namespace layersweep::stats
