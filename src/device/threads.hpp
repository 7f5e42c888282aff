// How many threads a rank may use: the processors it is allowed on, shared fairly with the other ranks of its host.
#pragma once

#include <optional>
#include <vector>

namespace layersweep::device {

/// Processors in this process's affinity mask, by number.
std::vector<int> allowed_processors();

/// Processors' worth of time the control group grants (v1 or v2, the tightest of all levels); nothing where unlimited.
std::optional<double> processor_quota();

/// Pure. How many threads rank `mine` of a host may use. `masks` are the allowed processors of all ranks of the host: a
/// processor that several ranks may use counts for each by its share, so that it does not matter whether the launcher
/// binds. The quota counts for the host's ranks together. At least 1. Ranks may get different numbers; where bits are to be
/// equal the least of all ranks is for all.
int threads_for_rank(const std::vector<std::vector<int>>& masks, int mine, std::optional<double> quota);

/// Sets the threads of LibTorch's operators for this process; `count` ≥ 1.
void use_threads(int count);

}  // namespace layersweep::device
