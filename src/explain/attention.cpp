#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "explain/methods.hpp"
#include "model/attention.hpp"

namespace layersweep::explain {

at::Tensor attention(const Subject& subject, const ExplainerSettings&) {
  const at::NoGradGuard no_grad;
  if (const auto* attending = dynamic_cast<const model::AttendingModel*>(&subject.model)) {
    const at::Tensor paid =
        attending->attention(subject.point, {subject.states(), repeated_texts(subject, 1)}, subject.batch);
    if (paid.defined()) return paid;
  }
  return missing_attribution(subject);
}

}  // namespace layersweep::explain
