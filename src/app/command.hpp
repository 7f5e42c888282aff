// One command of the program; a file each, listed in commands.cpp.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "config/command_line.hpp"

namespace layersweep::app {

/// Whether a command works over MPI ranks. The others never start MPI and are the same under any launcher.
enum class Mpi {
  needed,
  unused,
  with_output,  ///< needed where --output is given
};

struct Command {
  std::string name;
  std::string summary;  ///< one line
  std::vector<config::Argument> arguments = {};
  std::string (*details)() = nullptr;  ///< what --help prints below the arguments; none: nothing
  Mpi mpi = Mpi::unused;
  base::ExitCode (*run)(const config::Arguments&) = nullptr;
};

}  // namespace layersweep::app
