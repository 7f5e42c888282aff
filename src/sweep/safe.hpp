// Keeps the state of a training on disk while a team of ranks carries it out. All calls are collective over the team.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "sweep/checkpoint_folder.hpp"
#include "sweep/pace.hpp"
#include "sweep/team.hpp"

namespace layersweep::sweep {

class Safe {
 public:
  using Read = std::function<std::int64_t(const std::filesystem::path& folder)>;
  using Write = std::function<void(const std::filesystem::path& folder)>;

  /// `folder`, `owner` and `identity` as CheckpointFolder, `interval_s` as Pace. All ranks call `prepare` together before
  /// one writes. Throws Stopped when the ranks were asked to stop before.
  Safe(
      const Team& team, std::filesystem::path folder, std::string owner, std::string identity, double interval_s,
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

  Team team_;
  std::string owner_;
  CheckpointFolder checkpoints_;
  Pace pace_;
  std::function<void()> prepare_;
  std::int64_t newest_step_ = -1;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::uintmax_t bytes_ = 0;  // of the last one written here
};

}  // namespace layersweep::sweep
