// What is known of the hidden states at every point, over texts that come in batches; parts are merged.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <vector>

#include "stats/anisotropy.hpp"
#include "stats/moments.hpp"
#include "stats/norm_histogram.hpp"
#include "terms/terms.hpp"

namespace layersweep::stats {

/// Parts of a text that a token may belong to (terms::TokenPart). Part 0, special tokens, stands apart: nearly the same in
/// every text, they would drown what words do, so figures that have no axis for parts leave them out.
inline constexpr std::size_t token_parts = terms::Names<terms::TokenPart>::table.size();
inline constexpr std::uint8_t special_part = 0;

/// The tokens of some texts, text by text.
struct Tokens {
  std::vector<std::int64_t> row;   ///< of each token, in the batch's B·T rows
  std::vector<std::uint8_t> part;  ///< of each token
  std::vector<std::int64_t> text;  ///< first token of each text; at the end the number of tokens
};

/// In the shapes of the results file: P points, K token parts, H the largest width, Q quantiles; NaN where there is nothing.
struct Figures {
  std::vector<double> count;           ///< P x K
  std::vector<double> mean, variance;  ///< P x K x H
  std::vector<double> norm_quantile;   ///< P x K x Q
  std::vector<double> cosine_to_next;  ///< P: mean over tokens other than special ones; NaN between unequal widths
  std::vector<double> anisotropy;      ///< P: Anisotropy over the same tokens
  std::vector<double> cka;             ///< P x P, see linear_cka.hpp
};

/// At which Figures tell the lengths of states; 0 and 1 are exact.
inline constexpr std::array quantiles{0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0};

class HiddenStatistics {
 public:
  /// One width per point.
  explicit HiddenStatistics(const std::vector<std::int64_t>& widths);

  /// `states`: per point B x T x width, contiguous fp32. Points are shared among LibTorch's threads; the figures do not
  /// depend on their number.
  void add(const Tokens& tokens, const std::vector<at::Tensor>& states);
  /// The order in which parts are merged decides the last bits.
  void merge(const HiddenStatistics& other);

  /// All but cka, which is empty.
  Figures figures() const;

  Packed packed() const;
  static HiddenStatistics unpack(const std::vector<std::int64_t>& widths, std::span<const double> packed);

 private:
  struct Point {
    explicit Point(std::int64_t point_width);
    void add(const Tokens& tokens, const float* states, const float* next);

    std::int64_t width;
    std::vector<Moments> moments;      // per part
    std::vector<NormHistogram> norms;  // per part
    Anisotropy anisotropy;
    double cosines = 0, cosine_count = 0;
  };

  std::vector<Point> points_;
};

}  // namespace layersweep::stats
