// How many threads a rank may use: the processors it is allowed on, shared fairly with the other ranks of its host.
#pragma once

#include <optional>
#include <vector>

namespace layersweep::device {

/// Processors in this process's affinity mask, by number.
std::vector<int> allowed_processors();

/// Processors' worth of time the control group grants (v1 or v2, the tightest of all levels); nothing where unlimited.
std::optional<double> processor_quota();

/// Pure. `all_ranks_share` says whether the ranks of the host have the same mask: they then divide it, while a launcher
/// that binds has divided already. The quota is divided in any case. At least 1.
enum class MaskUse { shared, own };
int threads_for_rank(int allowed, std::optional<double> quota, int ranks_on_host, MaskUse mask_use);

/// Sets the threads of LibTorch's operators for this process; `count` ≥ 1.
void use_threads(int count);

}  // namespace layersweep::device
