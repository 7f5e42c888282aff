#include <ATen/TensorOperators.h>

#include "explain/gradients.hpp"
#include "explain/score_gradient.hpp"

namespace layersweep::explain {

at::Tensor GradientTimesInput::attribute(const Subject& subject) const {
  return (subject.states() * score_gradient(subject, subject.states(), repeated_texts(subject, 1))).sum(-1);
}

}  // namespace layersweep::explain
