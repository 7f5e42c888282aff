#include "stats/norm_histogram.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace layersweep::stats {
namespace {

constexpr int bin_count = NormHistogram::bins_per_octave * NormHistogram::octaves;

// Not finite numbers count as beyond the last bin.
std::size_t bin_of(double norm) {
  const double place = (std::log2(norm) + NormHistogram::octaves / 2) * NormHistogram::bins_per_octave;
  if (!(place < bin_count)) return bin_count - 1;
  return place > 0 ? static_cast<std::size_t>(place) : 0;
}

double middle_of(std::size_t bin) {
  const double place = (static_cast<double>(bin) + 0.5) / NormHistogram::bins_per_octave;
  return std::exp2(place - NormHistogram::octaves / 2);
}

}  // namespace

void NormHistogram::add(double norm) {
  if (bins_.empty()) bins_.assign(bin_count, 0.0);
  smallest_ = count_ == 0 ? norm : std::min(smallest_, norm);
  largest_ = count_ == 0 ? norm : std::max(largest_, norm);
  ++count_;
  bins_[bin_of(norm)] += 1;
}

void NormHistogram::merge(const NormHistogram& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  count_ += other.count_;
  smallest_ = std::min(smallest_, other.smallest_);
  largest_ = std::max(largest_, other.largest_);
  for (std::size_t bin = 0; bin < bins_.size(); ++bin) bins_[bin] += other.bins_[bin];
}

double NormHistogram::quantile(double q) const {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  if (q <= 0) return smallest_;
  if (q >= 1) return largest_;
  const double rank = std::max(1.0, std::ceil(q * static_cast<double>(count_)));
  double below = 0;
  std::size_t bin = 0;
  while (bin + 1 < bins_.size() && below + bins_[bin] < rank) below += bins_[bin++];
  if (bin == 0) return smallest_;
  if (bin + 1 == bins_.size()) return largest_;
  return std::clamp(middle_of(bin), smallest_, largest_);
}

void NormHistogram::pack_into(Packed& out) const {
  pack(out, static_cast<double>(count_));
  pack(out, smallest_);
  pack(out, largest_);
  pack(out, bins_);
}

NormHistogram NormHistogram::unpack(Unpacker& in) {
  NormHistogram histogram;
  histogram.count_ = in.count();
  histogram.smallest_ = in.number();
  histogram.largest_ = in.number();
  if (histogram.count_ > 0) histogram.bins_ = in.numbers(bin_count);
  return histogram;
}

}  // namespace layersweep::stats
