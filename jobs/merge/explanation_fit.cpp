#include "jobs/merge/explanation_fit.hpp"

#include <algorithm>

#include "explain/explainer.hpp"
#include "jobs/steps/explain.hpp"

namespace layersweep::jobs {

std::vector<std::int64_t> explained_seeds(const std::vector<std::int64_t>& seeds, const std::vector<std::int32_t>& chosen) {
  std::vector<std::int64_t> explained;
  for (const std::int32_t seed : chosen) explained.push_back(seeds[static_cast<std::size_t>(std::max(seed, 0))]);
  return explained;
}

ExplanationFit::ExplanationFit(const std::vector<MergeSource>& sources, config::StandIn replacement, ExplainedSeeds merged)
    : replacement_(replacement), merged_(std::move(merged)) {
  for (const MergeSource& source : sources) {
    Source& held = sources_.emplace_back();
    if (source.file.has("evaluation/method_name")) held.methods = source.file.read_text("evaluation/method_name");
    const auto seeds = source.file.read<std::int32_t>("seed");
    for (const std::string& mode : source.file.modes()) {
      held.seeds[mode] = explained_seeds({seeds.begin(), seeds.end()}, source.file.chosen_seeds(mode));
    }
  }
}

bool ExplanationFit::attribution(std::size_t source, std::string_view method, std::int64_t point) const {
  const Source& held = sources_[source];
  if (index(source, method) < 0) return false;
  if (const auto mode = mode_of_probes(method)) return same_probe(held, *mode, point);
  return !explain::explainer_named(method).uses_replacement || same_replacement(held, point);
}

bool ExplanationFit::faithfulness(std::size_t source, std::string_view method, std::int64_t point) const {
  return attribution(source, method, point) && same_replacement(sources_[source], point);
}

std::int64_t ExplanationFit::index(std::size_t source, std::string_view method) const {
  const auto& methods = sources_[source].methods;
  const auto found = std::ranges::find(methods, method);
  return found == methods.end() ? -1 : found - methods.begin();
}

bool ExplanationFit::same_probe(const Source& source, std::string_view mode, std::int64_t point) const {
  const auto p = static_cast<std::size_t>(point);
  const auto here = source.seeds.find(mode);
  const auto there = merged_.find(mode);
  return here != source.seeds.end() && there != merged_.end() && here->second[p] == there->second[p];
}

// As replacements_of takes them.
bool ExplanationFit::same_replacement(const Source& source, std::int64_t point) const {
  if (replacement_ != config::StandIn::learned) return true;
  if (merged_.contains("hidden")) return same_probe(source, "hidden", point);
  return point > 0 || same_probe(source, "input", point);
}

}  // namespace layersweep::jobs
