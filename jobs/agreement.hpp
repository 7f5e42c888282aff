// The variables agreement_* of a mode in a results file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stats/agreement.hpp"
#include "store/results_writer.hpp"

namespace layersweep::jobs {

/// `accepted` of (seed, point), 1 where it is; one agreement per point, over all seeds and texts of the file. Collective.
void write_agreement(store::ResultsWriter& writer, const std::string& mode, const std::vector<std::uint8_t>& accepted,
                     const std::vector<stats::Agreement>& agreements);

}  // namespace layersweep::jobs
