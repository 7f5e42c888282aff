// The only place that reads the environment and names the host; everything else is a function of its arguments.
#pragma once

#include <optional>
#include <string>

namespace layersweep::base {

/// The variable's value; nothing when it is unset or empty.
std::optional<std::string> environment_variable(const char* name);

std::string host_name();

/// Coordinated universal time as 2026-01-31T12:00:00Z.
std::string utc_now();

}  // namespace layersweep::base
