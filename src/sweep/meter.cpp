#include "sweep/meter.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace layersweep::sweep {

Meter::Meter(const probe::ProbeLayout& layout)
    : kl_(at::zeros({layout.points(), layout.seeds()}, at::kDouble)), keep_share_(kl_.clone()), examples_(kl_.clone()) {}

void Meter::add(const probe::StepFigures& sums, const at::Tensor& active, std::int64_t batch) {
  kl_ += at::where(active, sums.kl.to(at::kDouble), 0.0);
  keep_share_ += at::where(active, sums.keep_share.to(at::kDouble), 0.0);
  examples_ += active.to(at::kDouble) * static_cast<double>(batch);
  pairs_ += batch * active.sum().item<std::int64_t>();
}

double Meter::pairs_per_second() const { return static_cast<double>(pairs_) / base::seconds_since(since_); }

std::vector<double> Meter::kl() const { return mean_per_point(kl_, examples_); }
std::vector<double> Meter::keep_share() const { return mean_per_point(keep_share_, examples_); }

std::vector<double> mean_per_point(const at::Tensor& sums, const at::Tensor& weights) {
  std::vector<double> result;
  for (std::int64_t p = 0; p < sums.size(0); ++p) {
    const double weight = weights[p].sum().item<double>();
    result.push_back(weight > 0 ? sums[p].sum().item<double>() / weight : std::nan(""));
  }
  return result;
}

}  // namespace layersweep::sweep
