#include <algorithm>

#include "app/program.hpp"
#include "app/standard_streams.hpp"
#include "device/memory.hpp"

int main(int argc, char** argv) {
  layersweep::app::protect_standard_streams();
  layersweep::device::keep_freed_memory();
  return static_cast<int>(layersweep::app::run_program({argv + std::min(argc, 1), argv + argc}));
}
