// A run as its folder has it, for those who read what it made; nothing in it is changed or held.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "config/experiment.hpp"
#include "model/model.hpp"

namespace layersweep::jobs {

struct OpenedRun {
  std::filesystem::path path;
  config::Experiment experiment;
  std::filesystem::path model;   ///< folder of the model that was probed
  std::string identity;          ///< that the run's work carries (sweep/identity.hpp)
  std::string_view model_group;  ///< the group of the identity that lists the model's files
  std::unique_ptr<model::Model> encoder;

  /// "`layersweep run runs/x/experiment.ini` goes on with it"
  std::string how_to_go_on() const;
};

/// Reads the description alone. Throws InputError, with the remedy, when `run` is not a run folder.
config::Experiment read_description(const std::filesystem::path& run);

/// Whether this rank reads all files of the model to compare them with those that were probed, or leaves it to another.
enum class ModelCheck { here, elsewhere };

/// Also opens the model: the one in `encoder` where that is given (it may have moved), else where the run has it. Throws
/// InputError, with the remedy, when it is not trained yet, its folder is gone, or it is another one than the run probed
/// (the file that differs is named). Independent.
OpenedRun open_run(const std::filesystem::path& run, const std::optional<std::filesystem::path>& encoder, ModelCheck check);

}  // namespace layersweep::jobs
