// Keeps the state of a training on disk while ranks carry it out. All calls are collective over the ranks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "sweep/checkpoint_folder.hpp"
#include "sweep/ranks.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"

namespace layersweep::sweep {

/// Where checkpoints lie, and how often they are written.
struct CheckpointSettings {
  std::filesystem::path folder;  ///< of the unit or the model in training
  std::string identity;          ///< of the run
  double interval_s = 300;       ///< as run.checkpoint_seconds
};

class TrainingCheckpoints {
 public:
  using Read = std::function<std::int64_t(const std::filesystem::path& folder)>;
  using Write = std::function<void(const std::filesystem::path& folder)>;

  /// `owner` names the training, as in CheckpointFolder. All ranks call `prepare` together before one writes. Throws Stopped
  /// when the ranks were asked to stop before.
  TrainingCheckpoints(
      const Ranks& ranks, const std::string& owner, const CheckpointSettings& settings,
      std::function<void()> prepare = [] {});

  /// `read` restores the state from the newest whole checkpoint, if there is one, on every rank, and gives its step. Throws
  /// InputError.
  void resume(const Read& read);

  /// When it is time, `write` writes the state's files, on one rank. Throws InputError on all ranks when the disk does not
  /// take it, and Stopped, after writing, when the job is to end.
  void after_step(std::int64_t step, const Write& write);

  /// Within long work on that step: throws Stopped, after writing, when the job is to end.
  void within_step(std::int64_t step, const Write& write);

  /// "3 checkpoints of 6.1 MB took 0.4 s in all, 0.05 % of the time"; nothing where there was none.
  std::optional<std::string> cost_text() const;

  /// Writes now, before something long, unless that step is on disk.
  void keep(std::int64_t step, const Write& write);

 private:
  [[noreturn]] void stop(std::int64_t step) const;

  Ranks ranks_;
  std::string owner_;
  CheckpointFolder checkpoints_;
  StopAndCheckpointClock clock_;
  std::function<void()> prepare_;
  std::int64_t newest_step_ = -1;
  base::Clock::time_point start_ = base::Clock::now();
  std::uintmax_t bytes_ = 0;  // of the last one written here
};

}  // namespace layersweep::sweep
