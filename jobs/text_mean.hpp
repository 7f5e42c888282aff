// Figures that are means over texts, some of which may have none.
#pragma once

#include <cstdint>
#include <vector>

namespace layersweep::jobs {

/// Mean over what is there; an infinite member makes it infinite.
class TextMean {
 public:
  /// NaN: the text has no such figure.
  void add(double value);
  /// NaN where no text has one.
  float value() const;

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

std::vector<float> values_of(const std::vector<TextMean>& means);

/// Of each row of `shares` the mean of its values.
std::vector<float> areas_of(const std::vector<TextMean>& means, std::int64_t shares);

}  // namespace layersweep::jobs
