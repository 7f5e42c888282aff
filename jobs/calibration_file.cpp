#include "jobs/calibration_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/files.hpp"

namespace layersweep::plan {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(PassSpeed, flops_per_s, s_per_pass)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ModeSpeed, train, evaluate)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MessageSpeed, latency_s, overhead_s, bytes_per_s)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Calibration, source, processor, model, threads, input, hidden, s_per_parameter,
                                   s_per_step, start_s, messages)

}  // namespace layersweep::plan

namespace layersweep::jobs {

using nlohmann::json;

std::filesystem::path default_calibration_file() {
  std::filesystem::path folder = ".";
  if (const auto cache = base::environment_variable("XDG_CACHE_HOME")) {
    folder = *cache;
  } else if (const auto home = base::environment_variable("HOME")) {
    folder = std::filesystem::path(*home) / ".cache";
  }
  return folder / "layersweep" / "calibration.json";
}

std::vector<MeasuredSpeed> read_calibrations(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return {};
  std::vector<MeasuredSpeed> entries;
  try {
    const json whole = json::parse(base::read_text_file(file));
    for (const json& entry : whole.at("entries")) entries.push_back({entry, entry.at("ranks")});
  } catch (const json::exception& error) {
    throw base::InputError(fmt::format("{} holds no calibration", file.string()), error.what(),
                           "Remove it, and measure again with layersweep doctor --measure EXPERIMENT");
  }
  return entries;
}

void store_calibration(const std::filesystem::path& file, const MeasuredSpeed& measured) {
  std::vector<MeasuredSpeed> entries = read_calibrations(file);
  const auto key = [](const MeasuredSpeed& entry) {
    const plan::Calibration& c = entry.calibration;
    return std::tuple(c.processor, c.model, c.threads, entry.ranks);
  };
  std::erase_if(entries, [&](const MeasuredSpeed& entry) { return key(entry) == key(measured); });
  entries.push_back(measured);
  json list = json::array();
  for (const MeasuredSpeed& entry : entries) {
    list.push_back(entry.calibration);
    list.back()["ranks"] = entry.ranks;
  }
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error) throw base::InputError(fmt::format("cannot make the folder {}", folder.string()), error.message());
  base::write_file_atomically(file, json{{"entries", list}}.dump(1) + "\n");
}

plan::Calibration choose_calibration(const std::vector<MeasuredSpeed>& known, const std::string& processor,
                                     const std::string& model, int threads, int ranks_per_node) {
  if (known.empty()) return plan::assumed_calibration(threads);
  // Compared member by member; the smallest is nearest.
  const auto distance = [&](const MeasuredSpeed& entry) {
    const plan::Calibration& c = entry.calibration;
    return std::tuple(c.processor != processor, c.model != model, entry.ranks == 1 && ranks_per_node > 1,
                      std::abs(std::log(static_cast<double>(c.threads) / threads)), std::abs(entry.ranks - ranks_per_node));
  };
  const MeasuredSpeed& nearest = *std::ranges::min_element(known, {}, distance);
  plan::Calibration chosen = plan::with_threads(nearest.calibration, threads);
  if (chosen.processor != processor) {
    chosen.source += fmt::format("; on another processor, {} (here: {})", chosen.processor, processor);
  }
  if (chosen.model != model) chosen.source += fmt::format("; of another model, {}: expect errors of a factor", chosen.model);
  if (nearest.ranks == 1 && ranks_per_node > 1) {
    chosen.source += "; by one rank alone, which had the memory of its node for itself; messages are assumed";
  }
  return chosen;
}

}  // namespace layersweep::jobs
