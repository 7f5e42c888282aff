// The stretched, rectified binary concrete distribution ("hard concrete"): Louizos, Welling, Kingma, "Learning sparse
// neural networks through L0 regularization", ICLR 2018; with the constants of De Cao et al., EMNLP 2020.
#pragma once

#include <ATen/core/Tensor.h>

namespace layersweep::probe {

struct HardConcrete {
  static constexpr double beta = 0.2;
  static constexpr double left = -0.2;
  static constexpr double right = 1.0;
};

/// z = clamp(s·(r − l) + l, 0, 1), s = sigmoid((noise + phi)/β), where noise = log u − log(1 − u), u ~ U(0, 1).
/// Any shape; differentiable with respect to `phi`.
at::Tensor sample_gates(const at::Tensor& phi, const at::Tensor& noise);

/// log P(z > 0) = −softplus(β·logit(−l/(r − l)) − phi). Any shape; differentiable.
at::Tensor log_keep_probability(const at::Tensor& phi);

/// The gate logit at which the log keep probability is `log_p` (< 0): its inverse.
double gate_logit_of(double log_p);

}  // namespace layersweep::probe
