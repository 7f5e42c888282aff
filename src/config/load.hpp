// From an experiment file and overrides to a checked Experiment.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/experiment.hpp"

namespace layersweep::config {

/// Reads an .ini file ([section], key = value, # comments), then applies overrides "section.key=value" in order.
/// What is not set gets its default; those of finetune.* depend on task.name, task.data comes from LAYERSWEEP_DATA, and
/// run.folder is runs/<name of the file>. A leading ~ in a path becomes the home folder; relative paths stay as they are
/// and mean the current folder. Throws InputError when the file cannot be read, and UsageError, naming key, line and
/// remedy, for unknown keys, wrong values, and values that do not fit together.
Experiment load(const std::filesystem::path& file, std::span<const std::string> overrides = {});

/// The same from text; `origin` names it in messages and its stem is the default name of the run folder.
/// parse(resolved_text(e)) == e for every checked e.
Experiment parse(std::string_view text, const std::filesystem::path& origin = "experiment.ini",
                 std::span<const std::string> overrides = {});

/// One experiment for each set of overrides, from a text that may have a [sweep] section (config/sweep.hpp), which is no
/// matter here. The text is read once.
std::vector<Experiment> parse_each(std::string_view text, const std::filesystem::path& origin,
                                   std::span<const std::vector<std::string>> overrides);

}  // namespace layersweep::config
