// What a communicator handle points to; for this room's sources only.
#pragma once

#include <mpi.h>

#include "comm/communicator.hpp"

namespace layersweep::comm {

struct Communicator::Group {
  enum class Ownership { borrowed, owned };

  Group(MPI_Comm mpi_handle, Ownership mpi_ownership);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  MPI_Comm handle;
  Ownership ownership;
  int rank = 0;
  int size = 1;
};

/// Opens communicators to the rest of the room.
struct NativeAccess {
  using Ownership = Communicator::Group::Ownership;
  static Communicator make(MPI_Comm handle, Ownership ownership) {
    return Communicator(std::make_shared<const Communicator::Group>(handle, ownership));
  }
  /// Only for a communicator made under MPI.
  static MPI_Comm handle(const Communicator& communicator) { return communicator.group_->handle; }
  static bool has_handle(const Communicator& communicator) { return communicator.group_ != nullptr; }
};

}  // namespace layersweep::comm
