#include "explain/explainer.hpp"

#include <fmt/format.h>

#include <functional>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "explain/baselines.hpp"
#include "explain/erasure.hpp"
#include "explain/gradients.hpp"
#include "explain/noisy.hpp"
#include "explain/per_sample.hpp"

namespace layersweep::explain {
namespace {

using Make = std::function<std::unique_ptr<Explainer>(const ExplainerSettings&)>;

const std::vector<std::pair<std::string_view, Make>>& makers() {
  using Settings = const ExplainerSettings&;
  static const std::vector<std::pair<std::string_view, Make>> table{
      {"leave_one_out", [](Settings) { return std::make_unique<LeaveOneOut>(); }},
      {"exact_erasure", [](Settings) { return std::make_unique<ExactErasure>(); }},
      {"greedy_erasure", [](Settings) { return std::make_unique<GreedyErasure>(); }},
      {"diffmask", [](Settings s) { return std::make_unique<PerSampleDiffMask>(s); }},
      {"reinforce", [](Settings s) { return std::make_unique<PerSampleReinforce>(s); }},
      {"integrated_gradients", [](Settings s) { return std::make_unique<IntegratedGradients>(s.integration_steps); }},
      {"gradient_times_input", [](Settings) { return std::make_unique<GradientTimesInput>(); }},
      {"schulz", [](Settings s) { return std::make_unique<Schulz>(s); }},
      {"guan", [](Settings s) { return std::make_unique<Guan>(s); }},
      {"attention", [](Settings) { return std::make_unique<Attention>(); }},
      {"random", [](Settings s) { return std::make_unique<Random>(s.seed); }},
  };
  return table;
}

}  // namespace

std::span<const std::string_view> explainer_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> list;
    for (const auto& [name, make] : makers()) list.push_back(name);
    return list;
  }();
  return names;
}

std::unique_ptr<Explainer> make_explainer(std::string_view name, const ExplainerSettings& settings) {
  for (const auto& [known, make] : makers()) {
    if (known == name) return make(settings);
  }
  throw base::InternalError(fmt::format("there is no explainer {}", name));
}

}  // namespace layersweep::explain
