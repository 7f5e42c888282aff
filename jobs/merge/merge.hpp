// Puts the seeds, modes and splits of several results files into one, as if one run had made them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace layersweep::jobs {

/// Writes `target` from finished files of the same encoder, vocabulary, data and description, where only seeds, modes and
/// splits may differ; a cell that several have must be the same in all. Seeds, modes and splits come in the order in which
/// the sources name them first. Explanations are taken where they are those of one run with all probes. `command` is kept as
/// the provenance, beside that of the sources. Of the texts only their lengths are held in memory whole. Throws InputError,
/// naming files and reason, when they do not fit together, one of them is not valid, or the target cannot be written; what
/// stood there before stays then. One process calls.
void merge(const std::vector<std::filesystem::path>& sources, const std::filesystem::path& target,
           const std::string& command);

}  // namespace layersweep::jobs
