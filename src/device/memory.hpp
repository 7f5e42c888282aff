// The process's memory: how much it took, how much it may take, and keeping what it has.
#pragma once

#include <cstdint>

namespace layersweep::device {

/// Makes malloc keep freed blocks instead of giving them back to the system. Activations of tens of MB are freed and asked
/// for again at every step; given back, each of their pages faults anew (filling fresh tensors of 10 to 50 MB: 1.4 GB/s, and
/// 3 GB/s when kept, for 14 % more peak memory). Call it once, first in main.
void keep_freed_memory();

/// The largest resident size of this process so far, in bytes; 0 where the system does not tell.
std::int64_t peak_resident_bytes();

/// What the control group (v1 or v2, the tightest of all levels) or else the machine allows this process, in bytes.
std::int64_t memory_limit_bytes();

}  // namespace layersweep::device
