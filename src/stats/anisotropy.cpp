#include "stats/anisotropy.hpp"

#include <limits>

namespace layersweep::stats {

void Anisotropy::add_text(Rows rows, std::span<const double> norms) {
  const auto width = static_cast<std::size_t>(width_);
  std::vector<double> sum(width, 0.0);
  double tokens = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    if (!(norms[row] > 0)) continue;
    const double scale = 1 / norms[row];
    for (std::size_t i = 0; i < width; ++i) sum[i] += scale * static_cast<double>(rows[row][i]);
    tokens += 1;
  }
  if (tokens == 0) return;
  if (sum_.empty()) sum_.assign(width, 0.0);
  double squared = 0;
  for (std::size_t i = 0; i < width; ++i) {
    squared += sum[i] * sum[i];
    sum_[i] += sum[i];
  }
  tokens_ += tokens;
  squared_tokens_ += tokens * tokens;
  squared_sums_ += squared;
}

void Anisotropy::merge(const Anisotropy& other) {
  if (other.sum_.empty()) return;
  if (sum_.empty()) sum_.assign(static_cast<std::size_t>(width_), 0.0);
  for (std::size_t i = 0; i < sum_.size(); ++i) sum_[i] += other.sum_[i];
  tokens_ += other.tokens_;
  squared_tokens_ += other.squared_tokens_;
  squared_sums_ += other.squared_sums_;
}

double Anisotropy::expected_cosine() const {
  const double pairs = tokens_ * tokens_ - squared_tokens_;
  if (!(pairs > 0)) return std::numeric_limits<double>::quiet_NaN();
  double squared = 0;
  for (const double value : sum_) squared += value * value;
  return (squared - squared_sums_) / pairs;
}

void Anisotropy::pack_into(Packed& out) const {
  pack(out, tokens_);
  pack(out, squared_tokens_);
  pack(out, squared_sums_);
  pack(out, sum_);
}

Anisotropy Anisotropy::unpack(std::int64_t width, Unpacker& in) {
  Anisotropy anisotropy(width);
  anisotropy.tokens_ = in.number();
  anisotropy.squared_tokens_ = in.number();
  anisotropy.squared_sums_ = in.number();
  if (anisotropy.tokens_ > 0) anisotropy.sum_ = in.numbers(width);
  return anisotropy;
}

}  // namespace layersweep::stats
