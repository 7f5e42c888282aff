#include "device/memory.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "device/control_group.hpp"

namespace layersweep::device {

void keep_freed_memory() {
  mallopt(M_MMAP_MAX, 0);                // large blocks come from the heap, not from a mapping that free() ends
  mallopt(M_TRIM_THRESHOLD, -1);         // the heap's top stays ours
  mallopt(M_TOP_PAD, 64 * 1024 * 1024);  // and grows in large steps
}

std::int64_t peak_resident_bytes() {
  std::istringstream status(text_of("/proc/self/status"));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6)) * 1024;  // in kB
  }
  return 0;
}

std::int64_t memory_limit_bytes() {
  const double machine = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  return static_cast<std::int64_t>(std::min(machine, smallest_memory_limit(own_control_group_folders("memory"))));
}

}  // namespace layersweep::device
