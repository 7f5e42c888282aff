// A small results file whose every cell follows from its place, so that any division among ranks gives the same file.
#pragma once

#include <filesystem>
#include <vector>

#include "comm/communicator.hpp"
#include "store/results_writer.hpp"

namespace layersweep::test {

struct SampleSize {
  std::int64_t examples = 7;
  std::int64_t tokens_per_example = 3;  ///< of example 0; each further one has one more, from 6 on again this
};

store::Contents sample_contents(const SampleSize& size = {});
/// With five classes, question answering instead, or the counting task's columns.
enum class SampleTask { sst, squad, counting };
store::Contents sample_contents(const SampleSize& size, SampleTask task);
store::Provenance sample_provenance();

std::int64_t sample_token_count(const SampleSize& size, std::int64_t example);

/// The value of a cell by its place in the variable, the same for every division.
float sample_float(std::int64_t cell);

/// Half-open ranges of examples, one per rank: uneven, and empty for rank 1 where there are three ranks or more.
std::vector<std::pair<std::int64_t, std::int64_t>> divide(std::int64_t examples, int ranks);

/// Writes all variables but the cells of seed 1, point 0 of the hidden mode (unwritten), without finish(). Collective.
void fill_sample(store::ResultsWriter& writer, const comm::Communicator& communicator, const SampleSize& size,
                 SampleTask task = SampleTask::sst);

/// The whole of it. Collective.
void write_sample(const comm::Communicator& communicator, const std::filesystem::path& path, const SampleSize& size = {},
                  SampleTask task = SampleTask::sst);

}  // namespace layersweep::test
