// The columns of a results file that tell of its texts and tokens.
#pragma once

#include <span>

#include "jobs/steps/extract/chunks.hpp"
#include "store/results_writer.hpp"

namespace layersweep::jobs {

/// Of this rank's consecutive chunks, or of none. Collective.
void write_texts(store::ResultsWriter& writer, const Texts& texts, std::span<const Chunk> chunks);

}  // namespace layersweep::jobs
