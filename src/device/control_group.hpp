// Limits of the control group this process runs in, as files of numbers; for this room's sources only.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace layersweep::device {

/// The folders of `controller` ("cpu", "memory") from the process's own group up to the root, in both versions. Pure but for
/// `proc_cgroup`, the text of /proc/self/cgroup. A container may show only the root, so that is always among them.
std::vector<std::filesystem::path> control_group_folders(std::string_view proc_cgroup, std::string_view controller,
                                                         const std::filesystem::path& mount);

/// The smallest CPU quota in processors, from cpu.max (v2) or cpu.cfs_quota_us (v1); infinity where none is set.
double smallest_processor_quota(const std::vector<std::filesystem::path>& folders);

/// The smallest memory limit in bytes, from memory.max (v2) or memory.limit_in_bytes (v1); infinity where none is set.
double smallest_memory_limit(const std::vector<std::filesystem::path>& folders);

/// The whole text of a small file, empty where it cannot be read.
std::string text_of(const std::filesystem::path& file);

/// The folders of this process.
std::vector<std::filesystem::path> own_control_group_folders(std::string_view controller);

}  // namespace layersweep::device
