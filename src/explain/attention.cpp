#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "encoder/attention.hpp"
#include "explain/baselines.hpp"

namespace layersweep::explain {

at::Tensor Attention::attribute(const Subject& subject) const {
  const at::NoGradGuard no_grad;
  if (const auto* attending = dynamic_cast<const encoder::AttendingEncoder*>(&subject.encoder)) {
    const at::Tensor paid =
        attending->attention(subject.point, {subject.states(), repeated_texts(subject, 1)}, subject.batch);
    if (paid.defined()) return paid;
  }
  return missing_attribution(subject);
}

}  // namespace layersweep::explain
