// A run's folder on disk: what lies where, who holds it, and that it belongs to this experiment.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "comm/communicator.hpp"
#include "config/experiment.hpp"
#include "sweep/folder_lock.hpp"
#include "sweep/unit.hpp"

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

  /// Notes which texts the run is of; throws InputError where work on other texts lies in the folder. For one rank.
  void hold_to_texts(const std::string& data_sha256) const;

  const std::filesystem::path& path() const { return path_; }
  const std::string& identity() const { return identity_; }
  std::filesystem::path model() const { return model_of(path_); }
  std::filesystem::path tokens() const { return path_ / "tokens"; }
  std::filesystem::path statistics() const { return path_ / "statistics"; }
  std::filesystem::path unit(const Unit& unit) const { return unit_of(path_, unit); }
  std::filesystem::path results() const { return results_of(path_); }

  /// Where a run keeps what others read, without holding it.
  static std::filesystem::path description_of(const std::filesystem::path& run) { return run / "experiment.ini"; }
  static std::filesystem::path model_of(const std::filesystem::path& run) { return run / "model"; }
  static std::filesystem::path unit_of(const std::filesystem::path& run, const Unit& unit) {
    return run / "units" / unit.name();
  }
  static std::filesystem::path results_of(const std::filesystem::path& run) { return run / "results.h5"; }

 private:
  void take(const config::Experiment& experiment);

  std::filesystem::path path_;
  std::string identity_;
  std::unique_ptr<FolderLock> lock_;  // rank 0 holds it; given up also when the constructor throws
};

}  // namespace layersweep::sweep
