// The results file that an argument of a command means.
#pragma once

#include <filesystem>
#include <string>

namespace layersweep::app {

/// The file of that name, or the results of the run in the folder of that name. Throws InputError where there is none.
std::filesystem::path results_argument(const std::string& name);

}  // namespace layersweep::app
