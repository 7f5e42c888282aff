// write_sample TASK FILE [EXAMPLES]: writes the sample of the tests, from all ranks of the job; for tests of other readers.
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
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: write_sample sst|squad|counting FILE [EXAMPLES]\n");
    return 2;
  }
  const comm::MpiSession session;
  const std::string_view name = argv[1];
  const auto task = name == "squad"      ? test::SampleTask::squad
                    : name == "counting" ? test::SampleTask::counting
                                         : test::SampleTask::sst;
  test::SampleSize size;
  if (argc == 4) size.examples = std::atoll(argv[3]);
  try {
    test::write_sample(comm::world(), argv[2], size, task);
  } catch (const base::InputError& error) {
    if (!comm::agreed_by_world(error)) comm::abort_job(error.what(), 1);
    if (comm::world().rank() == 0) base::local_error(error.what());
    return 1;
  }
  return 0;
}
