// Step 5: other explainers on the same points and texts, each next to the probes, and how faithful all of them are.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/context.hpp"
#include "jobs/steps/probe.hpp"
#include "model/model.hpp"

namespace layersweep::jobs {

/// Some texts of one split that are explained in one go: the unit of computation, whatever the number of ranks.
struct ExplainedPart {
  terms::Split split;
  std::vector<std::int64_t> examples;  ///< of its corpus, in order of length
};

/// The texts that settings ask for, or none.
std::vector<ExplainedPart> explained_parts(const Texts& texts, const config::Explain& settings);

/// "probe_hidden", … for the trained modes (the chosen seeds, else the first), then explain.methods, and last "random", the
/// baseline. Empty where explain.methods is none.
std::vector<std::string> compared_methods(const config::Experiment& experiment);

/// "hidden" of "probe_hidden"; nothing of other methods.
std::optional<std::string_view> mode_of_probes(std::string_view method);

/// Where the explanations of a method are kept, a file for each part: `attribution` (point, token), `seconds` (point),
/// `clean` (example), `kept` and `dropped` (point, share, example), of explanations of the model with a shuffled head
/// `shuffled_kept` and `shuffled_dropped`, and, with a known truth, `truth_kl`, `truth_js`, `truth_f1` (point, example).
std::filesystem::path explanation_file(const Context& context, const std::string& method, std::size_t part);

/// Computes the explanations that are not on disk yet; each rank takes a share of the parts. An explanation is computed anew
/// when the model, a probe or a setting that it depends on has changed. `encoder` is what the folder `model` holds.
/// Collective; throws Stopped between two parts.
void run_explainers(const Context& context, const model::Model& encoder, const std::filesystem::path& model,
                    const Texts& texts, const std::vector<UnitResult>& units);

}  // namespace layersweep::jobs
