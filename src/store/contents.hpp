// What a results file is made for: its sizes, and where it comes from. Plain values, the same on all ranks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "terms/terms.hpp"

namespace layersweep::store {

struct PointEntry {
  std::string name;
  std::int64_t width = 0;  ///< features per token
};

struct ModeEntry {
  std::string name;                 ///< "input" or "hidden": the group
  std::vector<std::int64_t> steps;  ///< training steps at which curves were recorded, ascending; empty: no curves
};

/// The group /statistics.
struct StatisticsEntry {
  std::string split;              ///< whose texts it tells of
  std::vector<double> quantiles;  ///< 0 … 1, ascending
};

/// What only some tasks have.
struct TaskColumns {
  bool token_sentiment = false;
  bool token_truth = false;
};

/// The groups /explain/<method> and /evaluation.
struct ExplanationsEntry {
  std::vector<std::string> methods;  ///< of explained_methods()
  std::vector<double> shares;        ///< of tokens, above 0 and at most 1
};

/// Sizes and coordinates. All are at least 1.
struct Contents {
  std::int64_t examples = 0;
  std::int64_t tokens = 0;  ///< of all examples, at most 2^31 − 1
  terms::OutputKind output = terms::OutputKind::classes;
  std::int64_t classes = 0;          ///< of that output; of no account for spans
  std::size_t example_id_bytes = 0;  ///< UTF-8 bytes of the longest example_id
  std::size_t token_text_bytes = 0;  ///< UTF-8 bytes of the longest token_text
  std::vector<PointEntry> points;
  std::vector<std::int64_t> seeds;  ///< of probes, the values given in the experiment
  std::vector<ModeEntry> modes;
  std::optional<StatisticsEntry> statistics;
  std::optional<ExplanationsEntry> explanations;
  TaskColumns task;
};

/// Root attributes; texts may be empty. Hashes are SHA-256 in hexadecimal.
struct Provenance {
  std::string title;               ///< one line: task, encoder, modes
  std::string task;                ///< task.name
  std::string created;             ///< base::utc_now()
  std::string earlier_history;     ///< of the files this one was made from, a line each
  std::string experiment;          ///< the resolved description, config::resolved_text
  std::string command;             ///< as typed
  std::string layersweep_version;  ///<
  std::string commit;
  std::string libraries;  ///< "LibTorch 2.11.0, HDF5 1.10.8, …"
  std::string hosts;      ///< names, comma-separated, with ranks and threads
  std::string processor;
  std::string weights_sha256;
  std::string vocabulary_sha256;
  std::string data_sha256;
  double epsilon = 0;                                     ///< limit of mean KL for acceptance
  double flip_limit = 0;                                  ///< limit of the share of flipped predictions
  std::vector<std::pair<std::string, std::string>> more;  ///< further texts, under names of their own
};

}  // namespace layersweep::store
