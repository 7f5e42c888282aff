#include "comm/mpi_session.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/environment.hpp"
#include "base/log.hpp"
#include "base/watchdog.hpp"
#include "comm/check.hpp"
#include "comm/communicator.hpp"

namespace layersweep::comm {
namespace {

// Open MPI writes files by OMPIO unless told otherwise. There a collective write that fails, or that the system cuts short,
// leaves all ranks waiting for ever, and whole ones hang too (open-mpi/ompi 9479, HDFGroup/hdf5 1227). ROMIO, which Open MPI
// carries as well, returns the error. What the user chose stays (OMPI_MCA_io=ompio). Priorities of absent components
// are ignored.
void prefer_romio() {
  constexpr int keep = 0;
  for (const char* priority : {"OMPI_MCA_io_romio321_priority", "OMPI_MCA_io_romio341_priority"})
    setenv(priority, "100", keep);
}

constexpr const char* remedy =
    "Start it with 'srun --mpi=pmix …' ('srun --mpi=list' shows whether this Slurm has PMIx), or with mpirun inside the job";

}  // namespace

Launch detect_launch(const std::function<std::optional<std::string>(const char*)>& variable) {
  const auto is_set = [&](const char* name) { return variable(name).has_value(); };
  const auto number = [&](const char* name) {
    return std::max(1, static_cast<int>(std::strtol(variable(name).value_or("1").c_str(), nullptr, 10)));
  };

  Launch launch;
  // mpirun has its own wire-up, also inside a Slurm job: its count is the truth, the step it lives in is its own affair.
  if (is_set("OMPI_COMM_WORLD_SIZE") || is_set("HYDI_CONTROL_FD")) {
    launch.by_mpi = true;
    return launch;
  }
  for (const char* wire_up : {"PMIX_RANK", "PMI_RANK", "PMI_FD", "PALS_RANKID"}) launch.by_mpi |= is_set(wire_up);

  // Only srun makes steps; a batch script has SLURM_NTASKS and SLURM_PROCID too, but is one process.
  if (is_set("SLURM_STEP_ID") || is_set("SLURM_STEPID")) {
    launch.slurm_tasks = number(is_set("SLURM_STEP_NUM_TASKS") ? "SLURM_STEP_NUM_TASKS" : "SLURM_NTASKS");
  } else if (!launch.by_mpi) {
    launch.batch_tasks = number("SLURM_NTASKS");
  }
  if (launch.slurm_tasks > 1 && !launch.by_mpi) {
    throw base::InputError(fmt::format("Slurm started {} tasks that cannot find each other", launch.slurm_tasks),
                           "srun offers MPI no PMIx here, so each task would be a job of one rank writing to the same files",
                           remedy);
  }
  return launch;
}

MpiSession::MpiSession() : exceptions_at_start_(std::uncaught_exceptions()) {
  int provided = MPI_THREAD_SINGLE;
  if (mpi_is_running()) {
    origin_ = Origin::started_elsewhere;
    check(MPI_Query_thread(&provided), "MPI_Query_thread");
  } else {
    const Launch launch = detect_launch(base::environment_variable);
    if (!launch.by_mpi) {
      if (launch.batch_tasks > 1) {
        base::world_warning("this job has {} tasks, but runs as one rank: start it with srun --mpi=pmix to use them all",
                            launch.batch_tasks);
      }
      return;
    }
    prefer_romio();
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
    origin_ = Origin::started_here;
    const Communicator all = world();
    if (all.size() == 1 && launch.slurm_tasks > 1) {
      throw base::InputError(fmt::format("Slurm started {} tasks, but MPI sees one rank", launch.slurm_tasks),
                             "srun's wire-up is not one that this MPI library speaks", remedy);
    }
  }
  if (provided < MPI_THREAD_FUNNELED) {
    throw base::InputError("this MPI library cannot serve a program with threads", "it offers less than MPI_THREAD_FUNNELED",
                           "Use an MPI built with thread support");
  }
  const Communicator all = world();  // makes MPI return errors
  base::set_log_rank(all.rank(), all.size());
}

MpiSession::~MpiSession() {
  if (origin_ != Origin::started_here || !mpi_is_running() || std::uncaught_exceptions() != exceptions_at_start_) return;
  const base::Watchdog limit("the end of MPI", world().limit_s());  // all ranks wait for each other there
  MPI_Finalize();
}

void abort_job(std::string_view message, int exit_code) {
  if (!mpi_is_running()) {
    base::local_error(message);
    std::fflush(nullptr);
    std::_Exit(exit_code);
  }
  base::local_error(fmt::format("{} ({})", message, base::host_name()));
  std::fflush(nullptr);
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::_Exit(exit_code);
}

}  // namespace layersweep::comm
