#include "jobs/text_mean.hpp"

#include <cmath>
#include <limits>

#include "base/error.hpp"

namespace layersweep::jobs {

void TextMean::add(double value) {
  if (std::isnan(value)) return;
  sum_ += value;
  ++count_;
}

float TextMean::value() const {
  if (count_ == 0) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(sum_ / static_cast<double>(count_));
}

std::vector<float> values_of(const std::vector<TextMean>& means) {
  std::vector<float> values;
  for (const TextMean& mean : means) values.push_back(mean.value());
  return values;
}

std::vector<float> areas_of(const std::vector<TextMean>& means, std::int64_t shares) {
  base::ensure(shares > 0 && std::ssize(means) % shares == 0, "rows of means of another length");
  std::vector<float> areas;
  for (std::size_t first = 0; first < means.size(); first += static_cast<std::size_t>(shares)) {
    double sum = 0;
    for (std::size_t s = 0; s < static_cast<std::size_t>(shares); ++s) sum += means[first + s].value();
    areas.push_back(static_cast<float>(sum / static_cast<double>(shares)));
  }
  return areas;
}

}  // namespace layersweep::jobs
