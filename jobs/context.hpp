// What every step of a run works with.
#pragma once

#include "config/experiment.hpp"
#include "jobs/tasks/texts.hpp"
#include "sweep/ranks.hpp"
#include "sweep/run_folder.hpp"

namespace layersweep::jobs {

struct Context {
  const config::Experiment& experiment;
  const sweep::RunFolder& folder;
  sweep::Ranks ranks;  ///< all of the job
};

}  // namespace layersweep::jobs
