// What results say of where they come from, and the threads that this takes into account.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "comm/communicator.hpp"
#include "config/experiment.hpp"
#include "jobs/context.hpp"
#include "store/contents.hpp"

namespace layersweep::jobs {

/// Threads of each rank: the same number on every rank, since bits depend on it. Collective.
int thread_count(const comm::Communicator& world, const config::Run& settings);

/// `model` is the folder of the probed model, `command` as typed, `gpu` this rank's, if it computes
/// on one. Collective.
store::Provenance provenance_of(const config::Experiment& experiment, const comm::Communicator& world, const Texts& texts,
                                const std::filesystem::path& model, const std::string& command, int threads,
                                std::optional<int> gpu);

}  // namespace layersweep::jobs
