// A rank whose NCCL does not even abort: on the stand-in, ended by the watchdog with exit code 1.
#include <mpi.h>

#include <string>

#include "base/log.hpp"
#include "comm/device_team.hpp"
#include "comm/mpi_session.hpp"
#include "stand_in/stand_in.hpp"

int main() {
  namespace comm = layersweep::comm;
  const comm::MpiSession session;
  comm::stand_in::behave({});
  const comm::Communicator all = comm::world();
  const comm::DeviceTeam team(all.with_limit(1.0), all.rank());
  comm::stand_in::behave({.transfer_s = comm::stand_in::never, .abort_ends = false});
  float value = 1;
  try {
    team.all_reduce_sum(comm::DeviceSpan<float>{&value, 1}, nullptr);
  } catch (const std::exception&) {
  }
  MPI_Abort(MPI_COMM_WORLD, 9);  // not to be reached
  return 9;
}
