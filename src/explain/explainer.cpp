#include "explain/explainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "explain/methods.hpp"

namespace layersweep::explain {

std::span<const Explainer> explainers() {
  static constexpr std::array<Explainer, 11> all{{
      {"leave_one_out", true, leave_one_out},
      {"exact_erasure", true, exact_erasure},
      {"greedy_erasure", true, greedy_erasure},
      {"diffmask", true, per_sample_diffmask},
      {"reinforce", true, per_sample_reinforce},
      {"integrated_gradients", true, integrated_gradients},
      {"gradient_times_input", false, gradient_times_input},
      {"schulz", false, schulz},
      {"guan", false, guan},
      {"attention", false, attention},
      {"random", false, random},
  }};
  return all;
}

const Explainer& explainer_named(std::string_view name) {
  const auto found = std::ranges::find(explainers(), name, &Explainer::name);
  if (found == explainers().end()) throw base::InternalError(fmt::format("there is no explainer {}", name));
  return *found;
}

}  // namespace layersweep::explain
