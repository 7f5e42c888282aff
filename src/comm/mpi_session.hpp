// The lifetime of MPI as one object, made first in main. Alone on a machine MPI is not started at all.
//
//   try {
//     const MpiSession session;
//     try { … }                                                     an error that all ranks threw together ends in order:
//     catch (const std::exception& error) { if (!agreed_by_world(error)) throw; … return 1; }
//   } catch (const std::exception& error) { abort_job(error.what(), 1); }
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace layersweep::comm {

/// An MPI call that failed: a node, the network or the installation. Names the call, MPI's text, the rank and the host.
class MpiError : public base::InputError {
 public:
  using InputError::InputError;
};

/// How this process was started, as far as its environment tells.
struct Launch {
  bool by_mpi = false;  ///< a launcher that offers MPI its wire-up (mpirun, srun with PMIx or PMI)
  int slurm_tasks = 1;  ///< tasks of the Slurm step this process belongs to, 1 outside a step or under mpirun
  int batch_tasks = 1;  ///< tasks of the Slurm job when this is its batch script itself, without srun or mpirun
};

/// Pure: `variable` reads one environment variable. Throws InputError when srun started several tasks without a wire-up,
/// which would give as many worlds of one rank, all writing to the same files.
Launch detect_launch(const std::function<std::optional<std::string>(const char*)>& variable);

class MpiSession {
 public:
  enum class Origin {
    alone,              ///< not launched under MPI: a world of one, MPI is never started
    started_here,       ///< finalised by the destructor
    started_elsewhere,  ///< found running, left running
  };

  /// Starts MPI (thread level FUNNELED, verified) when a launcher asks for it, makes errors return, and tells the log its
  /// rank. Collective. Throws InputError when MPI cannot serve, or sees one rank where Slurm announces several.
  MpiSession();

  /// Finalises what it started; not while an exception unwinds, since the other ranks would wait: see abort_job.
  ~MpiSession();

  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  Origin origin() const { return origin_; }

 private:
  Origin origin_ = Origin::alone;
  int exceptions_at_start_ = 0;
};

/// Prints the message with rank and host, then ends all ranks of the job at once with this exit code. Independent: for an
/// error of one rank that the others do not know of.
[[noreturn]] void abort_job(std::string_view message, int exit_code);

}  // namespace layersweep::comm
