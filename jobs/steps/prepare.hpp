// Step 1: texts become token shards, once; all ranks map them.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "data/examples.hpp"
#include "jobs/context.hpp"

namespace layersweep::jobs {

/// Rank 0 makes missing shards, then every rank opens them. Collective.
Texts prepare(const Context& context);

/// Tokens of every text of users' own texts, by split (terms::Split), as task.name = text would read them. Throws
/// InputError.
std::array<std::vector<std::int64_t>, 3> text_lengths(const config::Experiment& experiment);

/// How a task cuts passages into windows.
data::WindowSettings window_settings(const config::Task& task);

}  // namespace layersweep::jobs
