// Ends a job in the ways an MPI session can end; run under mpirun, judged by the exit code.
//   orderly       all ranks return                               0
//   agreed        all ranks throw one error together             1
//   one-rank      the last rank fails, the others wait for it    3, at once
//   mpi-error     a message to a rank that is not                5, from check()
// Without mpirun, in the environment of an srun that offers no PMIx, it is refused: 3.
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "comm/mailbox.hpp"
#include "comm/mpi_session.hpp"

namespace {

namespace comm = layersweep::comm;
namespace base = layersweep::base;

void act(std::string_view way) {
  const comm::Communicator all = comm::world();
  const bool is_last = all.rank() == all.size() - 1;
  if (way == "agreed") {
    comm::run_together(all, [&] {
      if (is_last) throw base::InputError("agreed");
    });
  }
  if (way == "one-rank") {
    if (is_last) throw base::UsageError("only here");
    all.barrier();
  }
  if (way == "mpi-error") {
    comm::Mailbox(all).send(99, 1, "");
  }
}

}  // namespace

// The session ends after its errors are dealt with, so that it may finalise MPI when all ranks agree.
int main(int argc, char** argv) {
  try {
    const comm::MpiSession session;
    try {
      act(argc > 1 ? argv[1] : "");
      return 0;
    } catch (const std::exception& error) {
      if (!comm::agreed_by_world(error)) throw;
      if (base::speaks_for_world()) base::local_error(error.what());
      return 1;
    }
  } catch (const comm::MpiError& error) {
    comm::abort_job(error.what(), 5);
  } catch (const std::exception& error) {
    comm::abort_job(error.what(), 3);
  }
}
