// The files that are to be merged: what each holds, whether they fit together, and where their cells go.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/experiment.hpp"
#include "store/contents.hpp"
#include "store/layout.hpp"
#include "store/results_file.hpp"

namespace layersweep::jobs {

/// The examples of one split, which follow one another.
struct SplitRange {
  std::uint8_t split = 0;  ///< as in the variable split
  std::int64_t first_example = 0;
  std::int64_t examples = 0;
  std::int64_t first_token = 0;
  std::int64_t tokens = 0;
};

struct MergeSource {
  store::ResultsFile file;
  std::string name;  ///< as given
  std::string sha256;
  config::Experiment experiment;
  std::vector<SplitRange> splits;
};

/// Opens and validates them all and refuses what does not fit together. Throws InputError.
std::vector<MergeSource> open_sources(const std::vector<std::filesystem::path>& paths);

/// Consecutive places along a dimension of the new file, and where they lie in each source (−1: it has none of them).
struct Segment {
  std::int64_t start = 0;
  std::int64_t count = 0;
  std::vector<std::int64_t> source_start;
};

/// What the new file is made for, and the way there from each source.
class MergePlan {
 public:
  explicit MergePlan(const std::vector<MergeSource>& sources);

  const store::Contents& contents() const { return contents_; }
  const config::Experiment& experiment() const { return experiment_; }
  const std::vector<SplitRange>& splits() const { return splits_; }

  /// All places of a dimension of the variable, in order.
  std::vector<Segment> segments(const store::PlannedVariable& variable, std::size_t dimension) const;

 private:
  void add_modes_and_seeds();
  void add_splits();
  void add_steps();
  void add_statistics();
  void add_explanations();

  const std::vector<MergeSource>& sources_;
  store::Contents contents_;
  config::Experiment experiment_;
  std::vector<SplitRange> splits_;
};

}  // namespace layersweep::jobs
