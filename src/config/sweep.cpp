#include "config/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/files.hpp"
#include "config/ini.hpp"
#include "config/load.hpp"
#include "config/nearest.hpp"
#include "config/options.hpp"
#include "config/values.hpp"

namespace layersweep::config {

using base::UsageError;

namespace {

constexpr std::size_t most_runs = 100'000;

struct Axis {
  std::string key;
  std::vector<std::string> values;
};

Axis read_axis(const std::string& key, std::string_view list, const std::string& place) {
  const Option* option = find_option(key);
  if (option == nullptr) {
    const auto keys = option_keys();
    throw UsageError(fmt::format("{}: there is no setting \"{}\"", place, key), {}, did_you_mean(key, keys));
  }
  if (option->type.starts_with("list")) {
    throw UsageError(fmt::format("{}: {} cannot be swept", place, key), "it is a list, and one run does all of it",
                     fmt::format("Write --set {}={}", key, list));
  }
  if (option->identity == Identity::free) {
    throw UsageError(fmt::format("{}: {} cannot be swept", place, key), "it changes no result", {});
  }
  Axis axis{key, {}};
  Experiment scratch;
  std::set<std::string> seen;
  for (const std::string_view value : split_list(list)) {
    try {
      option->read(scratch, value);
    } catch (const BadValue& bad) {
      throw UsageError(fmt::format("{}: {} = {}", place, key, value), "must be " + bad.allowed, option->help);
    }
    const std::string written = option->write(scratch);
    if (!seen.insert(written).second) {
      throw UsageError(fmt::format("{}: {} = {} stands there twice", place, key, written), {}, {});
    }
    axis.values.push_back(written);
  }
  if (axis.values.empty()) throw UsageError(fmt::format("{}: {} has no values", place, key), {}, {});
  return axis;
}

void add(std::vector<Axis>& axes, Axis axis) {
  const auto same = std::ranges::find(axes, axis.key, &Axis::key);
  if (same == axes.end()) {
    axes.push_back(std::move(axis));
  } else {
    *same = std::move(axis);
  }
}

std::vector<Axis> axes_of(std::string_view text, const std::string& origin, std::span<const std::string> sweeps) {
  std::vector<Axis> axes;
  constexpr std::string_view section = "sweep.";
  for (const IniEntry& entry : read_ini(text, origin)) {
    if (!entry.key.starts_with(section)) continue;
    add(axes, read_axis(entry.key.substr(section.size()), entry.value, fmt::format("{}, line {}", origin, entry.line)));
  }
  for (const std::string& sweep : sweeps) {
    const auto equals = sweep.find('=');
    if (equals == std::string::npos) {
      throw UsageError(fmt::format("--sweep {}: there is no = in it", sweep), {}, "Write --sweep section.key=a,b,c");
    }
    add(axes, read_axis(sweep.substr(0, equals), std::string_view(sweep).substr(equals + 1), "--sweep"));
  }
  return axes;
}

std::string folder_name(const std::string& key, std::string value) {
  std::ranges::replace(value, '/', '_');
  return key + "=" + value;
}

}  // namespace

std::vector<Combination> parse_sweep(std::string_view text, const std::filesystem::path& origin,
                                     std::span<const std::string> overrides, std::span<const std::string> sweeps) {
  const std::vector<Axis> axes = axes_of(text, origin.string(), sweeps);
  std::size_t total = 1;
  for (const Axis& axis : axes) {
    if (axis.values.size() > most_runs / total) {
      throw UsageError(fmt::format("{}: the sweep makes more than {} runs", origin.string(), most_runs),
                       "every value is combined with every other", "Sweep over fewer values, or in several files");
    }
    total *= axis.values.size();
  }

  std::vector<Combination> combinations(total);
  std::vector<std::vector<std::string>> settings(total, {overrides.begin(), overrides.end()});
  std::vector<std::filesystem::path> folders(total);
  for (std::size_t number = 0; number < total; ++number) {
    std::string& label = combinations[number].label;
    std::size_t rest = number, block = total;
    for (const Axis& axis : axes) {
      block /= axis.values.size();
      const std::string& value = axis.values[rest / block];
      rest %= block;
      settings[number].push_back(axis.key + "=" + value);
      folders[number] /= folder_name(axis.key, value);
      label += (label.empty() ? "" : ", ") + settings[number].back();
    }
  }
  std::vector<Experiment> experiments = parse_each(text, origin, settings);
  std::map<std::string, std::string> label_of_folder;
  for (std::size_t number = 0; number < total; ++number) {
    Combination& combination = combinations[number];
    combination.experiment = std::move(experiments[number]);
    if (!axes.empty()) combination.experiment.run.folder /= folders[number];
    const std::string folder = combination.experiment.run.folder.string();
    const auto [other, is_new] = label_of_folder.emplace(folder, combination.label);
    if (!is_new) {
      throw UsageError(fmt::format("{} and {} would share the run folder {}", other->second, combination.label, folder), {},
                       "Make the values differ in more than / and _");
    }
  }
  return combinations;
}

std::vector<Combination> load_sweep(const std::filesystem::path& file, std::span<const std::string> overrides,
                                    std::span<const std::string> sweeps) {
  return parse_sweep(base::read_text_file(file), file, overrides, sweeps);
}

}  // namespace layersweep::config
