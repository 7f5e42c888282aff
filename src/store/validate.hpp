// Whether a results file keeps every rule of docs/results-file.md.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace layersweep::store {

struct Finding {
  std::string where;    ///< the variable, attribute or group; "/" for the file as a whole
  std::string problem;  ///< what is wrong there, as a clause
};

/// Reads all of the file; empty when every rule holds. A file that cannot be opened or read is a finding, not an error.
/// Independent.
std::vector<Finding> validate(const std::filesystem::path& path);

}  // namespace layersweep::store
