// Measured speeds on disk: a small JSON file, by default in the user's cache folder, with an entry for every processor,
// model and number of threads and ranks that was measured.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "plan/calibration.hpp"

namespace layersweep::jobs {

struct MeasuredSpeed {
  plan::Calibration calibration;
  int ranks = 1;  ///< that measured side by side; messages are known only from 2 on
};

/// $XDG_CACHE_HOME/layersweep/calibration.json, else under ~/.cache.
std::filesystem::path default_calibration_file();

/// None when the file does not exist; throws InputError when it is not such a file.
std::vector<MeasuredSpeed> read_calibrations(const std::filesystem::path& file);

/// Adds the entry, or replaces that of the same processor, model, threads and ranks. Makes the folder. Throws InputError.
void store_calibration(const std::filesystem::path& file, const MeasuredSpeed& measured);

/// The entry that comes nearest, in this order: processor, model, ranks and threads; what differs is said in `source`. One
/// of another model gives the rate of products only. Assumed figures where there is no entry at all. Pure.
plan::Calibration choose_calibration(const std::vector<MeasuredSpeed>& known, const std::string& processor,
                                     const std::string& model, int threads, int ranks_per_node);

}  // namespace layersweep::jobs
