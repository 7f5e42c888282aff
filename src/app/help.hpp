// What the program says about itself.
#pragma once

#include <string>

#include "app/command.hpp"

namespace layersweep::app {

std::string program_help();
std::string command_help(const Command& command);
/// Version, commit, compiler and libraries.
std::string version_text();

}  // namespace layersweep::app
