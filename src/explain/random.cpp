#include <ATen/TensorOperators.h>

#include "explain/baselines.hpp"
#include "explain/noise.hpp"

namespace layersweep::explain {

at::Tensor Random::attribute(const Subject& subject) const {
  return uniform_noise(subject, seed_, Draw::random, 0, 1).squeeze(0).to(at::kFloat);
}

}  // namespace layersweep::explain
