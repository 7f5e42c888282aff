#include <ATen/TensorOperators.h>

#include "explain/methods.hpp"
#include "explain/noise.hpp"

namespace layersweep::explain {

at::Tensor random(const Subject& subject, const ExplainerSettings& settings) {
  return uniform_noise(subject, settings.seed, Draw::random, 0, 1).squeeze(0).to(at::kFloat);
}

}  // namespace layersweep::explain
