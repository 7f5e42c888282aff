// How far a run is, from its folder alone: no process, scheduler or network is asked.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/experiment.hpp"

namespace layersweep::sweep {

struct UnitStatus {
  enum class Phase { not_started, training, done, failed };

  std::string name;
  Phase phase = Phase::not_started;
  std::optional<std::int64_t> step;           ///< of the newest checkpoint
  std::optional<std::int64_t> steps_at_most;  ///< where the experiment or the checkpoint tells
  std::optional<std::chrono::seconds> age;    ///< of the newest checkpoint
  std::string reason;                         ///< why it failed
  std::optional<std::filesystem::path> log;   ///< of all starts of the unit
};

/// The process that the lock names.
struct Holder {
  enum class Life {
    alive,
    silent,  ///< on another host, and its record has not been renewed for a while
    gone,
  };

  std::string text;  ///< its line for people
  std::string host;
  std::int64_t process = 0;
  std::string job;  ///< of Slurm; empty without
  Life life = Life::gone;
  std::chrono::seconds heard{0};  ///< since it last renewed its record
};

/// What the batch script counts.
struct Requeues {
  std::string job;
  std::int64_t count = 0;
  std::int64_t idle = 0;  ///< the last ones in a row without progress
};

struct RunStatus {
  std::filesystem::path folder;
  config::Experiment experiment;
  std::vector<UnitStatus> units;
  bool has_model = false;                  ///< fine-tuned weights
  std::optional<std::int64_t> model_step;  ///< of the newest checkpoint of fine-tuning
  bool has_results = false;
  std::optional<Holder> holder;
  std::optional<Requeues> requeues;
  std::chrono::seconds last_change{0};  ///< since a file of the folder changed
};

/// Throws InputError for a folder that holds no run.
RunStatus read_run_status(const std::filesystem::path& folder);

/// A word that changes exactly when something durable is added: a checkpoint, a finished unit, a model, token shards,
/// results. Throws InputError for a folder that holds no run.
std::string progress_word(const std::filesystem::path& folder);

}  // namespace layersweep::sweep
