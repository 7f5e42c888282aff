// Masks of a file of new texts by all probes of a run, in the layout of its results.
#pragma once

#include <filesystem>
#include <string>

#include "comm/communicator.hpp"

namespace layersweep::jobs {

/// Writes `output` (results-file.md) of the texts in `input` (data/text_file.hpp); what is accepted and chosen is as in the
/// run's results.h5. Throws InputError when there are none, a unit is not trained, or the file does not suit the run: its
/// line is named. Collective.
void explain_file(const comm::Communicator& world, const std::filesystem::path& run, const std::filesystem::path& input,
                  const std::filesystem::path& output, const std::string& command);

}  // namespace layersweep::jobs
