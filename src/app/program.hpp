// From arguments to exit code: finds the command, starts MPI where it is needed, turns errors into one clear message.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"

namespace layersweep::app {

/// `given` is the command line without the program's name. Never throws.
base::ExitCode run_program(const std::vector<std::string>& given);

}  // namespace layersweep::app
