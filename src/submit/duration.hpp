// Time limits in Slurm's spelling.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace layersweep::submit {

/// "minutes", "minutes:seconds", "hours:minutes:seconds", "days-hours", "days-hours:minutes" or
/// "days-hours:minutes:seconds", above 0 and at most a year. Throws config::BadValue.
std::chrono::seconds read_duration(std::string_view text);

/// "hours:minutes:seconds", with "days-" before it from a day on.
std::string duration_text(std::chrono::seconds duration);

}  // namespace layersweep::submit
