// The groups /explain and /evaluation of a merge.
#pragma once

#include "jobs/merge/cells.hpp"
#include "jobs/merge/explanation_fit.hpp"
#include "store/results_writer.hpp"

namespace layersweep::jobs {

/// Writes those of their variables that are not copied cell by cell: attributions and faithfulness from the sources where
/// they are those of a run with all probes (ExplanationFit), the first that has them; missing where none has. Figures over
/// texts are formed anew. Does nothing where no source was explained.
void merge_explanations(const std::vector<MergeSource>& sources, const MergedCells& cells, const ExplanationFit& fit,
                        store::ResultsWriter& writer);

}  // namespace layersweep::jobs
