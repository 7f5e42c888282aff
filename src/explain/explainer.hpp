// The other explainers that amortised probes are compared with, behind one interface. docs/explainers.md says of each where
// it comes from, what its numbers mean and when a comparison is wrong.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "explain/subject.hpp"

namespace layersweep::explain {

/// What explainers may be told; each uses what concerns it.
struct ExplainerSettings {
  std::uint64_t seed = 0;
  std::int64_t integration_steps = 50;  ///< of integrated gradients
  std::int64_t search_steps = 200;      ///< of those that optimise something for each text
  std::int64_t samples = 4;             ///< draws of noise per step of those
};

struct Explainer {
  std::string_view name;
  bool uses_replacement;  ///< whether its attributions depend on Subject::replacement
  /// B x T: how much each token matters, larger for more. NaN for texts the method cannot explain; what stands beyond a
  /// text's length has no meaning. Depends on each text alone, not on those beside it. Independent.
  at::Tensor (*attribute)(const Subject& subject, const ExplainerSettings& settings);
};

std::span<const Explainer> explainers();

/// Throws InternalError for a name that none of them has.
const Explainer& explainer_named(std::string_view name);

}  // namespace layersweep::explain
