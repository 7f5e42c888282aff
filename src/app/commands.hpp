// All commands: the table that dispatch and `layersweep --help` are read from.
#pragma once

#include <string_view>
#include <vector>

#include "app/command.hpp"

namespace layersweep::app {

/// In the order of the help text.
const std::vector<Command>& commands();

/// Throws UsageError with near names.
const Command& find_command(std::string_view name);

// Each defined in command_<name>.cpp.
Command doctor_command();
Command explain_command();
Command export_command();
Command figures_command();
Command help_command();
Command inspect_command();
Command merge_command();
Command plan_command();
Command predict_command();
Command report_command();
Command retry_command();
Command run_command();
Command status_command();
Command submit_command();
Command tokenize_command();
Command validate_command();

}  // namespace layersweep::app
