// Masks of a file of new texts by all probes of a run, in the layout of its results.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "comm/communicator.hpp"

namespace layersweep::jobs {

struct MasksOfFile {
  std::filesystem::path run;
  std::optional<std::filesystem::path> encoder;  ///< where the run's model has moved to
  std::filesystem::path input, output;
  std::string command;  ///< as typed, for the provenance
};

/// Writes `output` (results-file.md) of the texts in `input` (data/text_file.hpp); what is accepted and chosen is as in the
/// run's results.h5. Throws InputError when there are none, a unit is not trained, or the file does not suit the run: its
/// line is named. Collective.
void explain_file(const comm::Communicator& world, const MasksOfFile& request);

}  // namespace layersweep::jobs
