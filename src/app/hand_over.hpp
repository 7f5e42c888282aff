// The commands that the Python package `analysis/` does: this process is replaced by an interpreter with the same arguments.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "app/command.hpp"

namespace layersweep::app {

/// The interpreter: LAYERSWEEP_PYTHON, else that of the set-up's environment (.deps/venv of the sources this program was
/// built from, or of a folder above the program), else python3 of PATH. Pure but for looking whether files are there.
std::string interpreter(const std::function<std::optional<std::string>(const char*)>& variable,
                        const std::filesystem::path& program);

/// Runs `layersweep_analysis COMMAND …` in the place of this process. Throws UsageError under more than one rank, and
/// InputError where there is no interpreter; a missing package is told by the interpreter, with the line that installs
/// it, and exit code 1.
[[noreturn]] void hand_over(const Command& command, const config::Arguments& arguments);

}  // namespace layersweep::app
