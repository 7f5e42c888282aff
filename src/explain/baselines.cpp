#include "explain/baselines.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>

#include <limits>

#include "encoder/attention.hpp"
#include "explain/noise.hpp"

namespace layersweep::explain {

at::Tensor Attention::attribute(const Subject& subject) const {
  const at::NoGradGuard no_grad;
  if (const auto* attending = dynamic_cast<const encoder::AttendingEncoder*>(&subject.encoder)) {
    const at::Tensor paid =
        attending->attention(subject.point, {subject.states(), repeated_texts(subject, 1)}, subject.batch);
    if (paid.defined()) return paid;
  }
  return at::full({subject.texts(), subject.width()}, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
}

at::Tensor Random::attribute(const Subject& subject) const {
  return uniform_noise(subject, seed_, Draw::random, 0, 1).squeeze(0).to(at::kFloat);
}

}  // namespace layersweep::explain
