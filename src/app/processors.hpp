// Threads of the commands that work alone, without MPI.
#pragma once

namespace layersweep::app {

/// As many threads as this process may use processors; denormals count as zero, as in runs.
void use_the_processors_allowed();

}  // namespace layersweep::app
