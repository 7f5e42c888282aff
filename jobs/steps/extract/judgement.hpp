// What a results file tells of the probes of a mode beside their masks: how they did in training and on dev, and what
// follows from that. It is computed in the run that trained them, and copied into files of other texts.
#pragma once

#include <cstdint>
#include <vector>

#include "jobs/steps/mode_probes.hpp"
#include "stats/agreement.hpp"
#include "store/results_file.hpp"
#include "store/results_writer.hpp"

namespace layersweep::jobs {

/// `agreements` of all seeds, one per point, over all texts of the file. Collective.
void write_judgement(store::ResultsWriter& writer, const ModeProbes& mode, const Judgement& judgement,
                     const std::vector<stats::Agreement>& agreements);

/// The same variables from an earlier file of these probes. Throws InputError where it is of others. Collective.
void copy_judgement(store::ResultsWriter& writer, const ModeProbes& mode, const store::ResultsFile& judged);

/// The steps at which the units of a mode were validated: those of the one that trained longest.
std::vector<std::int64_t> curve_steps(const ModeProbes& mode);

/// The figures at these steps, NaN where a unit had stopped before. Collective.
void write_curves(store::ResultsWriter& writer, const ModeProbes& mode);

}  // namespace layersweep::jobs
