// Which explanations in the files of a merge are those that one run with all their probes would have computed.
//
// The probes' own rows are those of the chosen seed of each point, and learned replacement vectors are that probe's as well.
// A merge may choose another seed than a source did; then what the source says at the point is of another run.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/experiment.hpp"
#include "jobs/merge/sources.hpp"

namespace layersweep::jobs {

/// Per mode and point the seed (its value) whose probe is explained: the chosen one, the file's first where none is.
using ExplainedSeeds = std::map<std::string, std::vector<std::int64_t>, std::less<>>;

/// `chosen` as the variable chosen_seed.
std::vector<std::int64_t> explained_seeds(const std::vector<std::int64_t>& seeds, const std::vector<std::int32_t>& chosen);

class ExplanationFit {
 public:
  ExplanationFit(const std::vector<MergeSource>& sources, config::StandIn replacement, ExplainedSeeds merged);

  /// Whether the source has the method, and its attributions at the point are those of the new file.
  bool attribution(std::size_t source, std::string_view method, std::int64_t point) const;
  /// Whether its faithfulness is too, which is measured with the replacement vectors.
  bool faithfulness(std::size_t source, std::string_view method, std::int64_t point) const;

  /// The method's number in the source, −1 where it has none of it.
  std::int64_t index(std::size_t source, std::string_view method) const;

 private:
  struct Source {
    std::vector<std::string> methods;
    ExplainedSeeds seeds;
  };
  bool same_probe(const Source& source, std::string_view mode, std::int64_t point) const;
  bool same_replacement(const Source& source, std::int64_t point) const;

  config::StandIn replacement_;
  ExplainedSeeds merged_;
  std::vector<Source> sources_;
};

}  // namespace layersweep::jobs
