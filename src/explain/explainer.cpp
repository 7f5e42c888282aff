#include "explain/explainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "base/error.hpp"
#include "explain/baselines.hpp"
#include "explain/erasure.hpp"
#include "explain/gradients.hpp"
#include "explain/noisy.hpp"
#include "explain/per_sample.hpp"

namespace layersweep::explain {
namespace {

struct Method {
  std::string_view name;
  bool uses_replacement = false;
  std::function<std::unique_ptr<Explainer>(const ExplainerSettings&)> make;
};

const std::vector<Method>& all_methods() {
  using Settings = const ExplainerSettings&;
  static const std::vector<Method> table{
      {"leave_one_out", true, [](Settings) { return std::make_unique<LeaveOneOut>(); }},
      {"exact_erasure", true, [](Settings) { return std::make_unique<ExactErasure>(); }},
      {"greedy_erasure", true, [](Settings) { return std::make_unique<GreedyErasure>(); }},
      {"diffmask", true, [](Settings s) { return std::make_unique<PerSampleDiffMask>(s); }},
      {"reinforce", true, [](Settings s) { return std::make_unique<PerSampleReinforce>(s); }},
      {"integrated_gradients", true, [](Settings s) { return std::make_unique<IntegratedGradients>(s.integration_steps); }},
      {"gradient_times_input", false, [](Settings) { return std::make_unique<GradientTimesInput>(); }},
      {"schulz", false, [](Settings s) { return std::make_unique<Schulz>(s); }},
      {"guan", false, [](Settings s) { return std::make_unique<Guan>(s); }},
      {"attention", false, [](Settings) { return std::make_unique<Attention>(); }},
      {"random", false, [](Settings s) { return std::make_unique<Random>(s.seed); }},
  };
  return table;
}

const Method& method_of(std::string_view name) {
  const auto found = std::ranges::find(all_methods(), name, &Method::name);
  if (found == all_methods().end()) throw base::InternalError(fmt::format("there is no explainer {}", name));
  return *found;
}

}  // namespace

std::span<const std::string_view> explainer_names() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> list;
    for (const Method& method : all_methods()) list.push_back(method.name);
    return list;
  }();
  return names;
}

bool uses_replacement(std::string_view name) { return method_of(name).uses_replacement; }

std::unique_ptr<Explainer> make_explainer(std::string_view name, const ExplainerSettings& settings) {
  return method_of(name).make(settings);
}

}  // namespace layersweep::explain
