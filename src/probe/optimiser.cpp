#include "probe/optimiser.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace layersweep::probe {
namespace {

constexpr float decay = 0.99F;    // torch.optim.RMSprop's default alpha
constexpr float epsilon = 1e-8F;  // and eps

// Neighbours as one.
std::vector<Slice> joined(std::span<const Slice> slices) {
  std::vector<Slice> result;
  for (const Slice& slice : slices) {
    if (!result.empty() && result.back().offset + result.back().size == slice.offset) {
      result.back().size += slice.size;
    } else {
      result.push_back(slice);
    }
  }
  return result;
}

}  // namespace

LookaheadRmsprop::LookaheadRmsprop(at::Tensor parameters, Variance variance)
    : parameters_(std::move(parameters)),
      variance_(variance),
      state_{at::zeros_like(parameters_), at::zeros_like(parameters_), parameters_.clone(), 0} {}

void LookaheadRmsprop::step(const at::Tensor& gradient, const at::Tensor& learning_rate) {
  const Slice all{0, parameters_.numel()};
  step(gradient, learning_rate, {&all, 1});
}

void LookaheadRmsprop::step(const at::Tensor& gradient, const at::Tensor& learning_rate, std::span<const Slice> slices) {
  if (!parameters_.is_cpu()) {
    step_on_device(gradient, learning_rate, slices);
    return;
  }
  float* const x = parameters_.data_ptr<float>();
  float* const square = state_.square_average.data_ptr<float>();
  float* const mean = state_.gradient_average.data_ptr<float>();
  float* const slow = state_.slow.data_ptr<float>();
  const float* const g = gradient.const_data_ptr<float>();
  const float* const rate = learning_rate.const_data_ptr<float>();
  const bool centred = variance_ == Variance::centred;
  const bool synchronise = ++state_.steps % lookahead_steps == 0;
  for (const Slice& slice : slices) {
    for (std::int64_t i = slice.offset; i < slice.offset + slice.size; ++i) {
      square[i] = decay * square[i] + (1 - decay) * g[i] * g[i];
      mean[i] = decay * mean[i] + (1 - decay) * g[i];
      // Rounding can take the centred variance of a constant gradient below zero.
      const float variance = centred ? std::max(square[i] - mean[i] * mean[i], 0.0F) : square[i];
      x[i] -= rate[i] * g[i] / (std::sqrt(variance) + epsilon);
      if (synchronise) {
        slow[i] += static_cast<float>(lookahead_share) * (x[i] - slow[i]);
        x[i] = slow[i];
      }
    }
  }
}

// The same in tensor operations, for memory that is not this processor's to read.
void LookaheadRmsprop::step_on_device(const at::Tensor& gradient, const at::Tensor& learning_rate,
                                      std::span<const Slice> slices) {
  const bool synchronise = ++state_.steps % lookahead_steps == 0;
  for (const Slice& slice : joined(slices)) {
    const auto part = [&](const at::Tensor& of_all) { return of_all.narrow(0, slice.offset, slice.size); };
    const at::Tensor x = part(parameters_), slow = part(state_.slow);
    const at::Tensor square = part(state_.square_average), mean = part(state_.gradient_average);
    const at::Tensor g = part(gradient);
    square.mul_(decay).addcmul_(g, g, 1 - decay);
    mean.mul_(decay).add_(g, 1 - decay);
    const at::Tensor variance = variance_ == Variance::centred ? (square - mean * mean).clamp_min_(0.0) : square;
    x.sub_(part(learning_rate) * g / (variance.sqrt() + epsilon));
    if (synchronise) {
      slow.add_(x - slow, lookahead_share);
      x.copy_(slow);
    }
  }
}

}  // namespace layersweep::probe
