// Step 3: what the hidden states of the unmodified model are like at every point.
#pragma once

#include <optional>

#include "jobs/context.hpp"
#include "model/model.hpp"
#include "stats/hidden_statistics.hpp"
#include "store/results_writer.hpp"

namespace layersweep::jobs {

/// Sums up the states over statistics.split and leaves the figures in the run folder, or finds them there; goes on where an
/// earlier start was stopped, on any number of ranks. The figures do not depend on the number of ranks; with
/// run.deterministic not a bit of them does. Collective; throws Stopped.
void statistics(const Context& context, const model::Model& encoder, const Texts& texts);

/// What that step left; nothing where it did not run. Collective.
std::optional<stats::Figures> finished_statistics(const Context& context);

/// To the group /statistics of a results file that has it. Collective.
void write_statistics(store::ResultsWriter& writer, const stats::Figures& figures);

}  // namespace layersweep::jobs
