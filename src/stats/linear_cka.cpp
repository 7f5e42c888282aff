#include "stats/linear_cka.hpp"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>

#include <cmath>
#include <limits>
#include <utility>

namespace layersweep::stats {

SampledStates::SampledStates(std::vector<std::int64_t> widths) : widths_(std::move(widths)) {
  for (const std::int64_t width : widths_) {
    first_.push_back(total_);
    total_ += width;
  }
}

void SampledStates::add(std::span<const float* const> rows) {
  base::ensure(rows.size() == widths_.size(), "states of another model");
  for (std::size_t point = 0; point < rows.size(); ++point) {
    values_.insert(values_.end(), rows[point], rows[point] + widths_[point]);
  }
}

std::int64_t SampledStates::count() const { return std::ssize(values_) / total_; }

std::vector<double> SampledStates::sums() const {
  std::vector<double> sums(static_cast<std::size_t>(total_), 0.0);
  for (std::size_t row = 0; row < values_.size(); row += sums.size()) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += static_cast<double>(values_[row + i]);
  }
  return sums;
}

void SampledStates::centre(std::span<const double> mean) {
  for (std::size_t row = 0; row < values_.size(); row += mean.size()) {
    for (std::size_t i = 0; i < mean.size(); ++i) {
      values_[row + i] = static_cast<float>(static_cast<double>(values_[row + i]) - mean[i]);
    }
  }
}

void SampledStates::cross_product(std::size_t point, std::size_t other, std::span<float> out) const {
  // The blob is only read from.
  const at::Tensor all = at::from_blob(const_cast<float*>(values_.data()), {count(), total_}, at::kFloat);
  at::Tensor product = at::from_blob(out.data(), {widths_[point], widths_[other]}, at::kFloat);
  at::mm_out(product, all.narrow(1, first_[point], widths_[point]).t(), all.narrow(1, first_[other], widths_[other]));
}

double squared_norm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

double linear_cka(double between, double of_one, double of_other) {
  const double scale = std::sqrt(of_one) * std::sqrt(of_other);
  return scale > 0 ? between / scale : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace layersweep::stats
