#include "stats/moments.hpp"

namespace layersweep::stats {

void Moments::add(Rows rows) {
  if (rows.empty()) return;
  const auto width = static_cast<std::size_t>(width_);
  const float* shift = rows.front();
  std::vector<double> sum(width, 0.0), squares(width, 0.0);
  for (const float* row : rows.subspan(1)) {
    for (std::size_t i = 0; i < width; ++i) {
      const double deviation = static_cast<double>(row[i]) - static_cast<double>(shift[i]);
      sum[i] += deviation;
      squares[i] += deviation * deviation;
    }
  }
  const auto count = static_cast<double>(rows.size());
  for (std::size_t i = 0; i < width; ++i) {
    const double mean = sum[i] / count;
    squares[i] -= sum[i] * mean;
    sum[i] = static_cast<double>(shift[i]) + mean;
  }
  merge(std::ssize(rows), sum, squares);
}

void Moments::merge(const Moments& other) { merge(other.count_, other.mean_, other.squares_); }

void Moments::merge(std::int64_t count, std::span<const double> mean, std::span<const double> squares) {
  if (count == 0) return;
  if (count_ == 0) {
    count_ = count;
    mean_.assign(mean.begin(), mean.end());
    squares_.assign(squares.begin(), squares.end());
    return;
  }
  const double share = static_cast<double>(count) / static_cast<double>(count_ + count);
  const double weight = static_cast<double>(count_) * share;
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    const double step = mean[i] - mean_[i];
    mean_[i] += step * share;
    squares_[i] += squares[i] + step * step * weight;
  }
  count_ += count;
}

std::vector<double> Moments::variance() const {
  std::vector<double> variance = squares_;
  for (double& value : variance) value /= static_cast<double>(count_);
  return variance;
}

void Moments::pack_into(Packed& out) const {
  pack(out, static_cast<double>(count_));
  pack(out, mean_);
  pack(out, squares_);
}

Moments Moments::unpack(std::int64_t width, Unpacker& in) {
  Moments moments(width);
  moments.count_ = in.count();
  if (moments.count_ == 0) return moments;
  moments.mean_ = in.numbers(width);
  moments.squares_ = in.numbers(width);
  return moments;
}

}  // namespace layersweep::stats
