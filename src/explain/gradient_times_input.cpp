#include <ATen/TensorOperators.h>

#include "explain/methods.hpp"

namespace layersweep::explain {

at::Tensor gradient_times_input(const Subject& subject, const ExplainerSettings&) {
  return (subject.states() * score_gradient(subject, subject.states(), repeated_texts(subject, 1))).sum(-1);
}

}  // namespace layersweep::explain
