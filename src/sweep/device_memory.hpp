// What a user can do where a GPU's memory does not suffice.
#pragma once

#include <c10/util/Exception.h>

#include "base/error.hpp"

namespace layersweep::sweep {

/// The memory of this rank's GPU ran out. In the training of a unit that is a failure of the unit, as bad_alloc is.
class OutOfDeviceMemory : public base::InputError {
 public:
  using InputError::InputError;
};

/// The result of `work()`; throws OutOfDeviceMemory with the remedy where the device's memory does not suffice for it.
template <class Work>
auto within_device_memory(const Work& work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError& error) {
    throw OutOfDeviceMemory("the memory of the GPU does not suffice", error.what_without_backtrace(),
                            "Lower run.token_budget: shards are cut so that a masked pass fits into it");
  }
}

}  // namespace layersweep::sweep
