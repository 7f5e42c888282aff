// What the processor is, for provenance: equal bits are promised for one processor kind only.
#pragma once

#include <string>
#include <vector>

namespace layersweep::device {

struct Processor {
  std::string name;                   ///< as the system gives it, "unknown" where it does not
  std::vector<std::string> features;  ///< those of avx2, avx512f, avx512_bf16, amx_bf16, amx_int8 … that it has
};

/// Read from /proc/cpuinfo.
Processor processor();

/// Lets LibTorch flush denormal numbers to zero in its threads, where the processor can.
void flush_denormals();

}  // namespace layersweep::device
