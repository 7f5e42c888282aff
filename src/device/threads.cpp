#include "device/threads.hpp"

#include <ATen/Parallel.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "base/error.hpp"
#include "device/control_group.hpp"

namespace layersweep::device {

std::vector<int> allowed_processors() {
  // The kernel refuses masks shorter than its own: grow until it accepts.
  for (int capacity = 1024; capacity <= 1 << 20; capacity *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> mask(CPU_ALLOC(capacity), [](cpu_set_t* set) { CPU_FREE(set); });
    const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
    CPU_ZERO_S(bytes, mask.get());
    if (sched_getaffinity(0, bytes, mask.get()) != 0) continue;
    std::vector<int> processors;
    for (int processor = 0; processor < capacity; ++processor) {
      if (CPU_ISSET_S(static_cast<std::size_t>(processor), bytes, mask.get())) processors.push_back(processor);
    }
    return processors;
  }
  throw base::InternalError("the affinity mask of this process cannot be read");
}

std::optional<double> processor_quota() {
  const double quota = smallest_processor_quota(own_control_group_folders("cpu"));
  return std::isfinite(quota) ? std::optional(quota) : std::nullopt;
}

int threads_for_rank(const std::vector<std::vector<int>>& masks, int mine, std::optional<double> quota) {
  std::map<int, int> ranks_on;  // by processor
  for (const auto& mask : masks) {
    for (const int processor : mask) ++ranks_on[processor];
  }
  double share = 0;
  for (const int processor : masks.at(static_cast<std::size_t>(mine))) share += 1.0 / ranks_on[processor];
  if (quota) share = std::min(share, *quota / static_cast<double>(masks.size()));
  return std::max(1, static_cast<int>(share + 1e-6));  // six times a sixth is a little less than one
}

void use_threads(int count) {
  base::ensure(count >= 1, "a rank needs at least one thread");
  at::set_num_threads(count);
}

}  // namespace layersweep::device
