// A stand-in for the handful of functions of NCCL and the CUDA runtime that comm calls: "GPU" memory is host memory, data
// move by MPI messages, and time and failures are what a test sets. It checks how our code uses the library (the order of
// calls, nothing before the last call is through, nothing after the end); what NCCL itself does, it cannot show.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <limits>
#include <string>
#include <vector>

namespace layersweep::comm::stand_in {

inline constexpr double never = std::numeric_limits<double>::infinity();

/// Of this rank; seconds after the call.
struct Behaviour {
  double connect_s = 0;                    ///< until ncclCommInitRankConfig is through
  double enqueue_s = 0;                    ///< until a collective is on the stream
  double transfer_s = 0;                   ///< until its data may move
  double finalize_s = 0;                   ///< until ncclCommFinalize is through
  double compute_s = 0;                    ///< of the work on every stream, from the moment the behaviour is set
  const char* failing_call = "";           ///< the function of NCCL that fails, with ncclSystemError
  ncclResult_t async_error = ncclSuccess;  ///< what collectives report while their data move
  cudaError_t stream_error = cudaSuccess;  ///< of every stream, once something was put on it
  bool abort_ends = true;
  int version = NCCL_VERSION_CODE;
};

/// Starts anew with this behaviour: counters are 0. Communicators and memory of before stay.
void behave(const Behaviour& behaviour);

/// The ranks of the job that the next communicators of this rank have, in order; without it, all. Independent.
void set_team(const std::vector<int>& ranks_of_job);

/// How often a function was called since behave(), by its name; "" counts all of NCCL's.
int calls(const std::string& function = "");

/// Communicators neither destroyed nor aborted, and blocks of memory not freed.
int live_communicators();
int live_blocks();

/// What our code did that the real library forbids; empty as it should be.
std::vector<std::string> violations();

}  // namespace layersweep::comm::stand_in
