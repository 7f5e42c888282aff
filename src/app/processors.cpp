#include "app/processors.hpp"

#include "device/processor.hpp"
#include "device/threads.hpp"

namespace layersweep::app {

void use_the_processors_allowed() {
  device::use_threads(device::threads_for_rank({device::allowed_processors()}, 0, device::processor_quota()));
  device::flush_denormals();
}

}  // namespace layersweep::app
