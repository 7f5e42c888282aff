// Several experiments from one description: a setting takes each of several values, one run for every combination.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/experiment.hpp"

namespace layersweep::config {

/// One of the runs. Its run.folder is <run.folder>/<key>=<value>/…, a level for every swept setting; a / in a value is
/// written as _.
struct Combination {
  std::string label;  ///< "probe.epsilon=0.05, probe.batch=32"; empty where nothing is swept
  Experiment experiment;
};

/// Reads an experiment file with its [sweep] section ("probe.epsilon = 0.05,0.1"), overrides "section.key=value" and sweeps
/// "section.key=a,b", of which one replaces that of the file for the same setting. All combinations in the order given, the
/// last setting changing fastest; a single one with an empty label where nothing is swept. Throws what load() throws, for
/// any of them, and UsageError for settings that cannot be swept: those that already are lists, since one results file has
/// them as axes, and those that change no result.
std::vector<Combination> load_sweep(const std::filesystem::path& file, std::span<const std::string> overrides,
                                    std::span<const std::string> sweeps);

/// The same from text.
std::vector<Combination> parse_sweep(std::string_view text, const std::filesystem::path& origin,
                                     std::span<const std::string> overrides, std::span<const std::string> sweeps);

}  // namespace layersweep::config
