// What `layersweep status` prints.
#pragma once

#include <string>

#include "sweep/run_status.hpp"

namespace layersweep::app {

std::string status_text(const sweep::RunStatus& status);
/// One JSON object on one line.
std::string status_json(const sweep::RunStatus& status);

}  // namespace layersweep::app
