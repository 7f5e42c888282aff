// The other explainers that amortised probes are compared with, behind one interface. docs/explainers.md says of each where
// it comes from, what its numbers mean and when a comparison is wrong.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "explain/subject.hpp"

namespace layersweep::explain {

class Explainer {
 public:
  virtual ~Explainer() = default;

  /// B x T: how much each token matters, larger for more. NaN for texts the method cannot explain; what stands beyond a
  /// text's length has no meaning. Depends on each text alone, not on those beside it. Independent.
  virtual at::Tensor attribute(const Subject& subject) const = 0;
};

/// What explainers may be told; each uses what concerns it.
struct ExplainerSettings {
  std::uint64_t seed = 0;
  std::int64_t integration_steps = 50;  ///< of integrated gradients
  std::int64_t search_steps = 200;      ///< of those that optimise something for each text
  std::int64_t samples = 4;             ///< draws of noise per step of those
};

/// Every name that make_explainer takes.
std::span<const std::string_view> explainer_names();

/// Whether its attributions depend on Subject::replacement.
bool uses_replacement(std::string_view name);

/// Throws InternalError for any other name.
std::unique_ptr<Explainer> make_explainer(std::string_view name, const ExplainerSettings& settings);

}  // namespace layersweep::explain
