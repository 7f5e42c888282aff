// A run's folder on disk: what lies where, who holds it, and that it belongs to this experiment.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "comm/communicator.hpp"
#include "config/experiment.hpp"
#include "plan/unit.hpp"
#include "sweep/folder_lock.hpp"
#include "sweep/identity.hpp"

namespace layersweep::sweep {

class RunFolder {
 public:
  /// Creates the folder or resumes in it; throws InputError on all ranks when another process holds it, when work of
  /// another experiment lies in it (the changed settings are named), when the ranks do not see the same folder, or when it
  /// cannot be written. A folder whose run ended before there was any work takes on the new experiment. Collective over the
  /// whole job.
  RunFolder(const comm::Communicator& world, const config::Experiment& experiment);
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// Adds a group to what the run is of (the texts, the files of a model; RunIdentity) and notes it in the folder. Throws
  /// InputError on all ranks, naming what differs, where work of another one lies there. `hashes` is asked for on rank 0
  /// only. Collective.
  void hold_to(const comm::Communicator& world, std::string_view group,
               const std::function<std::map<std::string, std::string>()>& hashes);

  const std::filesystem::path& path() const { return path_; }
  /// As text, of all that the run was held to so far: what its work carries.
  const std::string& identity() const { return identity_; }
  std::filesystem::path model() const { return model_of(path_); }
  std::filesystem::path tokens() const { return path_ / "tokens"; }
  std::filesystem::path statistics() const { return path_ / "statistics"; }
  std::filesystem::path unit(const plan::Unit& unit) const { return unit_of(path_, unit); }
  std::filesystem::path results() const { return results_of(path_); }

  /// Where a run keeps what others read, without holding it.
  static std::filesystem::path description_of(const std::filesystem::path& run) { return run / "experiment.ini"; }
  static std::filesystem::path model_of(const std::filesystem::path& run) { return run / "model"; }
  static std::filesystem::path unit_of(const std::filesystem::path& run, const plan::Unit& unit) {
    return run / "units" / unit.name();
  }
  static std::filesystem::path results_of(const std::filesystem::path& run) { return run / "results.h5"; }
  /// What the run was held to, all in all; empty where nothing was found out yet. Throws InputError where something was, and
  /// it was not noted about what.
  static RunIdentity identity_of(const std::filesystem::path& run);
  /// The group that every run has noted, and that of the model that it trained itself.
  static constexpr std::string_view encoder_group = "encoder", model_group = "model";

 private:
  void take(const config::Experiment& experiment);

  std::filesystem::path path_;
  std::string identity_;
  std::unique_ptr<FolderLock> lock_;  // rank 0 holds it; given up also when the constructor throws
};

}  // namespace layersweep::sweep
