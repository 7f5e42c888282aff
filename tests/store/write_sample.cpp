// write_sample TASK FILE [EXAMPLES [BYTES]]: writes the sample of the tests, from all ranks of the job; for tests that need
// a program of its own. BYTES is the size beyond which the system refuses to let a file grow, as a full disk would.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "base/error.hpp"
#include "base/log.hpp"
#include "comm/agreement.hpp"
#include "comm/mpi_session.hpp"
#include "sample.hpp"

int main(int argc, char** argv) {
  using namespace layersweep;
  if (argc < 3 || argc > 5) {
    std::fprintf(stderr, "usage: write_sample sst|squad|counting FILE [EXAMPLES [BYTES]]\n");
    return 2;
  }
  const comm::MpiSession session;
  const std::string_view name = argv[1];
  const auto task = name == "squad"      ? test::SampleTask::squad
                    : name == "counting" ? test::SampleTask::counting
                                         : test::SampleTask::sst;
  test::SampleSize size;
  if (argc >= 4) size.examples = std::atoll(argv[3]);
  if (argc == 5) {
    const rlimit limit{static_cast<rlim_t>(std::atoll(argv[4])), RLIM_INFINITY};
    std::signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  try {
    test::write_sample(comm::world(), argv[2], size, task);
  } catch (const base::InputError& error) {
    if (!comm::agreed_by_world(error)) comm::abort_job(error.what(), 1);
    if (comm::world().rank() == 0) base::local_error(error.what());
    return 1;
  }
  return 0;
}
