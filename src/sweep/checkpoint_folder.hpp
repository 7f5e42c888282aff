// Checkpoints of one training: folders checkpoint-<step>, each with a manifest that tells the length and SHA-256 of every
// file in it, so that a damaged one is known as such. One appears under its name only when it is whole and on disk.
//
// One rank at a time calls; nothing here is collective.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace layersweep::sweep {

class CheckpointFolder {
 public:
  /// Checkpoints lie in `parent`; `owner` says what is trained ("unit hidden-0"), `identity` is the experiment's hash.
  CheckpointFolder(std::filesystem::path parent, std::string owner, std::string identity);

  /// `fill` writes the files into the folder it is given. The two newest checkpoints stay. Throws InputError when the disk
  /// does not take it; the earlier ones are then as they were.
  void write(std::int64_t step, const std::function<void(const std::filesystem::path&)>& fill) const;

  /// The newest whole one; nothing when there is none. Those found damaged are named in a warning and set aside, as
  /// checkpoint-<step>.damaged; what was left half written or half removed goes away. Throws InputError when it comes upon
  /// one of another experiment.
  std::optional<std::filesystem::path> newest() const;

  /// What is wrong with a checkpoint; empty when it is whole and belongs to `owner` of this experiment. Throws InputError
  /// when it is whole, but another's.
  std::string problem_of(const std::filesystem::path& checkpoint) const;

 private:
  std::filesystem::path path_of(std::int64_t step) const;

  std::filesystem::path parent_;
  std::string owner_;
  std::string identity_;
};

/// "checkpoint-<step>"; nothing of other names. What lies there may be damaged.
std::optional<std::int64_t> checkpoint_step(const std::filesystem::path& checkpoint);

/// Removes all checkpoints in `parent`, when the training's result is safe.
void remove_checkpoints(const std::filesystem::path& parent);

}  // namespace layersweep::sweep
