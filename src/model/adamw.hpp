// AdamW with decoupled weight decay (Loshchilov and Hutter 2019), as torch.optim.AdamW defines it; with weight decay 0 it is
// Adam.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace layersweep::model {

class AdamW {
 public:
  /// `parameters` are updated in place; all fp32.
  AdamW(std::vector<at::Tensor> parameters, double weight_decay);

  /// One step along `gradients`, one per parameter. β = (0.9, 0.999), ε = 1e-8.
  void step(const std::vector<at::Tensor>& gradients, double learning_rate);

  /// All it remembers from step to step, per parameter: mean, mean of squares and count of steps; whoever restores it writes
  /// into these.
  std::vector<at::Tensor> state() const;

 private:
  std::vector<at::Tensor> parameters_, means_, squares_;
  double weight_decay_;
  std::vector<at::Tensor> steps_;
};

}  // namespace layersweep::model
