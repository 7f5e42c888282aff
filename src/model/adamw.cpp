#include "model/adamw.hpp"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

#include "base/error.hpp"

namespace layersweep::model {

AdamW::AdamW(std::vector<at::Tensor> parameters, double weight_decay)
    : parameters_(std::move(parameters)), weight_decay_(weight_decay) {
  for (const at::Tensor& parameter : parameters_) {
    means_.push_back(at::zeros_like(parameter));
    squares_.push_back(at::zeros_like(parameter));
    steps_.push_back(at::zeros({}));
  }
}

void AdamW::step(const std::vector<at::Tensor>& gradients, double learning_rate) {
  base::ensure(gradients.size() == parameters_.size(), "there is a gradient for each parameter");
  const at::NoGradGuard no_grad;
  for (at::Tensor& count : steps_) count.add_(1);
  at::_fused_adamw_(parameters_, gradients, means_, squares_, {}, steps_, learning_rate, 0.9, 0.999, weight_decay_, 1e-8,
                    /*amsgrad=*/false, /*maximize=*/false);
}

std::vector<at::Tensor> AdamW::state() const {
  std::vector<at::Tensor> all = means_;
  all.insert(all.end(), squares_.begin(), squares_.end());
  all.insert(all.end(), steps_.begin(), steps_.end());
  return all;
}

}  // namespace layersweep::model
