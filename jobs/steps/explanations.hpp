// What the step explainers left on disk, on its way to the results file.
#pragma once

#include <optional>

#include "jobs/context.hpp"
#include "store/contents.hpp"
#include "store/results_writer.hpp"

namespace layersweep::jobs {

/// What the results file needs to know of them; nothing where no explainers were asked for.
std::optional<store::ExplanationsEntry> explanations_entry(const config::Experiment& experiment);

/// Writes /explain and /evaluation. Every rank writes a slab of texts, in the order of extract.splits. Collective; throws
/// InputError where the step explainers was not done.
void write_explanations(const Context& context, const Texts& texts, std::int64_t points, store::ResultsWriter& writer);

}  // namespace layersweep::jobs
