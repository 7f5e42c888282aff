// A device that is none, for tests without a GPU of code that runs on one: its tensors lie in memory that this processor may
// read only while the device copies or computes, so that whoever reads them through a pointer is killed, and an operation
// that mixes its tensors with those of the host is refused, but for numbers (tensors without dimensions), as CUDA does.
// It computes with LibTorch's kernels for CPUs.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace layersweep::test {

/// The only one there is.
at::Device stand_in_device();

/// The largest tensor it takes from now on, in bytes; larger ones are refused as a GPU does whose memory is full.
void limit_stand_in_memory(std::int64_t bytes);

/// Operations it has computed so far: to show that it was used.
std::int64_t stand_in_operations();

}  // namespace layersweep::test
