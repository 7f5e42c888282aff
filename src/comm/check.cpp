#include "comm/check.hpp"

#include <fmt/format.h>

#include <array>
#include <string>

#include "base/environment.hpp"
#include "comm/mpi_session.hpp"

namespace layersweep::comm {

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING + 1> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  std::string where = base::host_name();
  if (mpi_is_running()) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    where = fmt::format("rank {} on {}", rank, where);
  }
  throw MpiError(fmt::format("{} failed ({})", call, where), text.data(),
                 "The network, a node or the MPI installation is at fault; see the job's log for the first error");
}

bool mpi_is_running() {
  int started = 0;
  int ended = 0;
  MPI_Initialized(&started);
  MPI_Finalized(&ended);
  return started != 0 && ended == 0;
}

}  // namespace layersweep::comm
