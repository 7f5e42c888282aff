// Messages to people: on standard error, one line each, so that standard output stays for results.
// Line breaks are those of our own texts; other control characters are escaped (base/printable.hpp).
// `world_*` lines are printed by rank 0 only (for code that all ranks pass); `local_*` lines by this rank, with its number.
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace layersweep::base {

/// Tells the log which rank speaks; called once after MPI starts. Without it the process is rank 0 of 1.
void set_log_rank(int rank, int rank_count);

/// Whether this process prints world messages (rank 0 does).
bool speaks_for_world();

void world_info(std::string_view line);
void world_warning(std::string_view line);
void local_warning(std::string_view line);
void local_error(std::string_view line);

template <class... Args>
void world_info(fmt::format_string<Args...> format, Args&&... args) requires(sizeof...(Args) > 0) {
  world_info(std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

template <class... Args>
void world_warning(fmt::format_string<Args...> format, Args&&... args) requires(sizeof...(Args) > 0) {
  world_warning(std::string_view(fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace layersweep::base
