#include "app/results_argument.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "sweep/run_folder.hpp"

namespace layersweep::app {

std::filesystem::path results_argument(const std::string& name) {
  const std::filesystem::path given = name;
  if (!std::filesystem::exists(given)) {
    throw base::InputError(fmt::format("there is no file {}", name), {}, "Give a results.h5, or the folder of a run");
  }
  if (!std::filesystem::is_directory(given)) return given;
  const std::filesystem::path results = sweep::RunFolder::results_of(given);
  if (!std::filesystem::exists(results)) {
    throw base::InputError(fmt::format("there is no {}", results.string()), "the run has not written its results yet",
                           fmt::format("`layersweep status {}` tells how far it is", name));
  }
  return results;
}

}  // namespace layersweep::app
