// Where results come from, and the threads of a rank, on which their bits depend.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "comm/communicator.hpp"
#include "config/experiment.hpp"
#include "jobs/context.hpp"
#include "store/contents.hpp"

namespace layersweep::jobs {

/// Threads of each rank: the same number on every rank, since bits depend on it. Collective.
int thread_count(const comm::Communicator& world, const config::Run& settings);

/// The root attribute of results with the SHA-256 and name of each file of the probed model, a line each.
inline constexpr const char* model_files_attribute = "model_files";

/// What results say of the probed model.
struct ModelRecord {
  std::map<std::string, std::string> file_sha256;  ///< of every file that decides what it computes, by name
  std::vector<std::string> unread_keys;            ///< of its config.json, that play no part
};

/// How the program was started.
struct Invocation {
  std::string command;     ///< as typed
  int threads = 1;         ///< of each rank
  std::optional<int> gpu;  ///< this rank's, if it computes on one
};

/// One line on what a results file holds.
std::string results_title(const config::Experiment& experiment);

/// Collective.
store::Provenance provenance_of(const config::Experiment& experiment, const comm::Communicator& world, const Texts& texts,
                                const ModelRecord& model, const Invocation& invocation);

}  // namespace layersweep::jobs
