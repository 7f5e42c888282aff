// A run as its folder has it, for those who read what it made; nothing in it is changed or held.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "config/experiment.hpp"
#include "encoder/encoder.hpp"

namespace layersweep::jobs {

struct OpenedRun {
  std::filesystem::path path;
  config::Experiment experiment;
  std::filesystem::path model;  ///< folder of the model that was probed
  std::unique_ptr<encoder::Encoder> encoder;

  /// "`layersweep run runs/x/experiment.ini` goes on with it"
  std::string how_to_go_on() const;
};

/// Reads the description alone. Throws InputError, with the remedy, when `run` is not a run folder.
config::Experiment read_description(const std::filesystem::path& run);

/// Also opens the model. Throws InputError, with the remedy, when it is not trained yet or its encoder is gone. Independent.
OpenedRun open_run(const std::filesystem::path& run);

}  // namespace layersweep::jobs
