// Step 1: texts become token shards, once; all ranks map them.
#pragma once

#include "jobs/context.hpp"

namespace layersweep::jobs {

/// Rank 0 makes missing shards, then every rank opens them. Collective.
Texts prepare(const Context& context);

}  // namespace layersweep::jobs
