// How much all states point the same way: the expected cosine between tokens of different texts.
#pragma once

#include <cstdint>
#include <vector>

#include "stats/moments.hpp"

namespace layersweep::stats {

/// Ethayarajh ("How contextual are contextualized word representations?", EMNLP 2019) estimates it from random pairs. With
/// u the states scaled to length 1, summed to s[e] over a text of n[e] tokens, the mean over all pairs of tokens of
/// different texts is exactly (‖Σ s[e]‖² − Σ ‖s[e]‖²) / ((Σ n[e])² − Σ n[e]²), which needs one pass. States of length 0 are
/// left out.
class Anisotropy {
 public:
  explicit Anisotropy(std::int64_t width) : width_(width) {}

  /// The tokens of one text; `norms` are their lengths.
  void add_text(Rows rows, std::span<const double> norms);
  void merge(const Anisotropy& other);

  /// NaN without tokens of two texts.
  double expected_cosine() const;

  void pack_into(Packed& out) const;
  static Anisotropy unpack(std::int64_t width, Unpacker& in);

 private:
  std::int64_t width_;
  double tokens_ = 0, squared_tokens_ = 0;  // Σ n[e], Σ n[e]²
  double squared_sums_ = 0;                 // Σ ‖s[e]‖²
  std::vector<double> sum_;                 // Σ s[e]; empty without tokens
};

}  // namespace layersweep::stats
