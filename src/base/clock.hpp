// The clock by which waits and work are timed.
#pragma once

#include <chrono>

namespace layersweep::base {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace layersweep::base
