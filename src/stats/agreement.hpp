// How far probes of different seeds agree on their masks at one point. All that is kept are whole numbers, so parts add up
// to the same figures in any order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace layersweep::stats {

struct AgreementFigures {
  double iou = 0;       ///< mean over pairs of seeds: tokens that both hard masks keep, over tokens that one keeps
  double spearman = 0;  ///< mean over pairs of the mean over texts of the rank correlation of their keep probabilities
  double kappa = 0;     ///< of the hard masks, every token a subject, every seed a rater
};

/// The hard masks of all texts count together: a share of few tokens is a poor figure, and kappa needs many subjects. Ranks
/// are compared within each text, since masks say which tokens of a text matter most; equal values share the mean of their
/// ranks (Spearman 1904; Kendall 1945 for ties), and a text on which one of the two does not vary is left out of their mean.
/// Kappa: Fleiss, "Measuring nominal scale agreement among many raters" (Psychological Bulletin 76, 1971).
class Agreement {
 public:
  explicit Agreement(std::size_t seeds);

  /// The keep probabilities of one text, seeds x tokens; a seed with a NaN has no mask here.
  void add_text(std::span<const float> keep_probability);

  /// To be summed over all parts.
  std::span<std::int64_t> counters() { return counters_; }

  /// Among the seeds where `is_in` is not 0. NaN for what is not defined: all with fewer than two of them, iou where no
  /// token is kept, kappa where all masks are the same constant.
  AgreementFigures among(std::span<const std::uint8_t> is_in) const;

 private:
  std::size_t pair(std::size_t a, std::size_t b) const { return a * seeds_ + b; }
  std::int64_t both_keep(std::size_t a, std::size_t b) const { return counters_[1 + pair(a, b)]; }

  std::size_t seeds_;
  // Tokens; then three tables seeds x seeds of which the upper triangle is used: tokens that both keep, sums of correlations
  // in units of 2^-32, texts in these sums.
  std::vector<std::int64_t> counters_;
};

/// Ranks from 1, equal values sharing the mean of theirs.
std::vector<double> average_ranks(std::span<const float> values);

}  // namespace layersweep::stats
