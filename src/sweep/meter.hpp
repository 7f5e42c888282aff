// Sums of the training figures between two lines of progress.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "probe/objective.hpp"
#include "probe/parameters.hpp"

namespace layersweep::sweep {

class Meter {
 public:
  explicit Meter(const probe::ProbeLayout& layout);

  /// A step over `batch` examples; `active` (P x S bool) are the cells that took part.
  void add(const probe::StepFigures& sums, const at::Tensor& active, std::int64_t batch);

  double pairs_per_second() const;
  /// Per point, means over the seeds that took part; NaN where none did.
  std::vector<double> kl() const;
  std::vector<double> keep_share() const;

 private:
  at::Tensor kl_, keep_share_, examples_;  // P x S
  std::int64_t pairs_ = 0;
  base::Clock::time_point since_ = base::Clock::now();
};

/// Per point the sum over seeds of `sums` over that of `weights` (P x S each); NaN where the weights are 0.
std::vector<double> mean_per_point(const at::Tensor& sums, const at::Tensor& weights);

}  // namespace layersweep::sweep
