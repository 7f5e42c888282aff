#include "config/load.hpp"

#include <fmt/format.h>

#include <map>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/files.hpp"
#include "base/utf8.hpp"
#include "config/ini.hpp"
#include "config/model_folder.hpp"
#include "config/nearest.hpp"
#include "config/options.hpp"
#include "config/validate.hpp"
#include "config/values.hpp"

namespace layersweep::config {

using base::UsageError;

namespace {

// A value somebody gave, with the words that say where.
struct Given {
  std::string value;
  std::string place;  // "experiments/sst.ini, line 4", "--set"
};
using GivenValues = std::map<std::string, Given, std::less<>>;

void check_key(const std::string& key, const std::string& place) {
  if (find_option(key) != nullptr) return;
  const auto keys = option_keys();
  const std::string guess = did_you_mean(key, keys);
  throw UsageError(fmt::format("{}: there is no setting \"{}\"", place, key), {},
                   (guess.empty() ? "" : guess + " ") + "`layersweep run --help` lists all");
}

// A file with a [sweep] section describes several experiments.
enum class SweepSection { refused, skipped };

GivenValues values_of_file(std::string_view text, const std::string& origin, SweepSection sweep) {
  GivenValues values;
  std::map<std::string, int> line_of;
  for (IniEntry& entry : read_ini(text, origin)) {
    const std::string place = fmt::format("{}, line {}", origin, entry.line);
    if (entry.key.starts_with("sweep.")) {
      if (sweep == SweepSection::skipped) continue;
      throw UsageError(fmt::format("{}: [sweep] makes several runs of this file", place), "one is wanted here",
                       "Name one of their folders, or take a file without [sweep]");
    }
    check_key(entry.key, place);
    if (const auto earlier = line_of.find(entry.key); earlier != line_of.end()) {
      throw UsageError(fmt::format("{}: {} is set a second time", place, entry.key),
                       fmt::format("line {} sets it already", earlier->second), "Keep one of them");
    }
    line_of[entry.key] = entry.line;
    values[entry.key] = {std::move(entry.value), place};
  }
  return values;
}

void add_overrides(GivenValues& values, std::span<const std::string> overrides) {
  for (const std::string& text : overrides) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) {
      throw UsageError(fmt::format("--set {}: there is no = in it", text), {}, "Write --set section.key=value");
    }
    const auto trim = [](std::string part) {
      part.erase(0, part.find_first_not_of(" \t"));
      part.erase(part.find_last_not_of(" \t") + 1);
      return part;
    };
    const std::string key = trim(text.substr(0, equals));
    check_key(key, "--set");
    values[key] = {trim(text.substr(equals + 1)), "--set"};
  }
}

void assign(Experiment& experiment, const std::string& key, const Given& given) {
  const Option& option = *find_option(key);
  const auto refuse = [&](const std::string& why, const std::string& hint) {
    throw UsageError(fmt::format("{}: {} = {}", given.place, key, given.value), why, hint);
  };
  if (base::first_ill_formed(given.value)) refuse("the value is not UTF-8", {});
  try {
    option.read(experiment, given.value);
  } catch (const BadValue& bad) {
    refuse("must be " + bad.allowed, option.help);
  }
}

Experiment experiment_of(GivenValues values, const std::filesystem::path& origin, std::span<const std::string> overrides) {
  add_overrides(values, overrides);

  // The task comes first: defaults of other settings depend on it.
  Experiment experiment;
  const auto task = values.find("task.name");
  if (task == values.end()) {
    throw UsageError(fmt::format("{}: task.name is not set", origin.string()), {},
                     "Under [task], write name = " + find_option("task.name")->type);
  }
  assign(experiment, task->first, task->second);
  const TaskSettings& settings = settings_of(experiment.task.name);
  for (const auto& [key, value] : settings.defaults) assign(experiment, key, {value, "default"});
  // Not where it is not read: a run of the same task goes on whatever the environment says.
  const bool from_data_folder = settings.data == TaskSettings::Data::fetched;
  if (const auto data = base::environment_variable("LAYERSWEEP_DATA"); data && from_data_folder) {
    assign(experiment, "task.data", {*data, "LAYERSWEEP_DATA in the environment"});
  }
  experiment.run.folder = std::filesystem::path("runs") / origin.stem();

  for (const auto& [key, given] : values) assign(experiment, key, given);
  try {
    validate(experiment);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}: {}", origin.string(), error.what()));
  }
  experiment.encoder.folder = model_folder(experiment.encoder.folder);
  return experiment;
}

}  // namespace

Experiment parse(std::string_view text, const std::filesystem::path& origin, std::span<const std::string> overrides) {
  return experiment_of(values_of_file(text, origin.string(), SweepSection::refused), origin, overrides);
}

std::vector<Experiment> parse_each(std::string_view text, const std::filesystem::path& origin,
                                   std::span<const std::vector<std::string>> overrides) {
  const GivenValues values = values_of_file(text, origin.string(), SweepSection::skipped);
  std::vector<Experiment> experiments;
  for (const auto& one : overrides) experiments.push_back(experiment_of(values, origin, one));
  return experiments;
}

Experiment load(const std::filesystem::path& file, std::span<const std::string> overrides) {
  return parse(base::read_text_file(file), file, overrides);
}

}  // namespace layersweep::config
