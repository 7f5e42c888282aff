#include "probe/hard_concrete.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softplus.h>

#include <cmath>

namespace layersweep::probe {
namespace {

// The keep probability is the sigmoid of phi less this: P(s·(r − l) + l > 0) = P(s > −l/(r − l)), and s exceeds a threshold
// when the logistic noise does.
double half_point() {
  const double threshold = -HardConcrete::left / (HardConcrete::right - HardConcrete::left);
  return HardConcrete::beta * (std::log(threshold) - std::log1p(-threshold));
}

}  // namespace

at::Tensor sample_gates(const at::Tensor& phi, const at::Tensor& noise) {
  const at::Tensor s = at::sigmoid((phi + noise) * (1.0 / HardConcrete::beta));
  return at::clamp(s * (HardConcrete::right - HardConcrete::left) + HardConcrete::left, 0.0, 1.0);
}

at::Tensor log_keep_probability(const at::Tensor& phi) { return -at::softplus(half_point() - phi); }

double gate_logit_of(double log_p) { return half_point() - std::log(std::expm1(-log_p)); }

}  // namespace layersweep::probe
