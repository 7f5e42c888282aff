// The parts of validate(), and what they add to.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "store/hdf5.hpp"
#include "store/validate.hpp"

namespace layersweep::store {

class Findings {
 public:
  void add(std::string where, std::string problem) { all_.push_back({std::move(where), std::move(problem)}); }
  void require(bool holds, const std::string& where, std::string problem) {
    if (!holds) add(where, std::move(problem));
  }
  /// Runs a rule; what HDF5 cannot read is a finding.
  template <class Rule>
  void guard(const std::string& where, Rule&& rule) {
    try {
      rule();
    } catch (const Hdf5Error& error) {
      add(where, error.what());
    }
  }
  bool empty() const { return all_.empty(); }
  std::vector<Finding> take() { return std::move(all_); }

 private:
  std::vector<Finding> all_;
};

/// All rules but those about the file's name and its sum.
void check_contents_of(const std::filesystem::path& path, Findings& findings);

/// Attributes of the file, links, groups, and of each variable type, dimensions, scales, fill, attributes, storage.
void check_structure(hid_t file, Findings& findings);

/// The cells: reads all of them; then what they say together, if each is right. For a file whose structure is right.
void check_values(hid_t file, Findings& findings);
void check_relations(hid_t file, Findings& findings);

/// The cells of /statistics, where there is one. For a file whose structure and other cells are right.
void check_statistics(hid_t file, Findings& findings);
/// Likewise of /evaluation and /explain.
void check_explanations(hid_t file, Findings& findings);

}  // namespace layersweep::store
