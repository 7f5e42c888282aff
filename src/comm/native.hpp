// The MPI handle under a communicator, for libraries that take one (parallel HDF5). The only public header with mpi.h.
#pragma once

#include <mpi.h>

#include <optional>

#include "comm/communicator.hpp"

namespace layersweep::comm {

/// The handle; nothing when MPI does not run. It stays owned by `communicator`: duplicate it before keeping it.
std::optional<MPI_Comm> native_handle(const Communicator& communicator);

}  // namespace layersweep::comm
