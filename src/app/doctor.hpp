// What this build and this machine offer, and what is set up in a way that costs time or goes wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comm/nccl_versions.hpp"
#include "device/gpus.hpp"

namespace layersweep::app {

/// Everything the report is made of, so that the judgement can be tested without the machine.
struct Machine {
  std::string host;
  std::string processor;
  std::vector<std::string> processor_features;
  int processors = 1;           ///< online in the machine
  int allowed = 1;              ///< in this process's affinity mask
  std::optional<double> quota;  ///< processors' worth of time of the control group
  int threads = 1;              ///< a rank would use, alone on the host
  std::int64_t memory_limit_bytes = 0;
  int ranks_on_host = 1;               ///< as the MPI launcher tells
  std::string launcher;                ///< "none", "mpirun or another MPI launcher", …
  std::string launch_problem;          ///< why MPI could not start here; empty: it can
  std::vector<std::string> openmp;     ///< paths of the OpenMP runtimes that are loaded
  std::vector<std::string> libraries;  ///< paths of LibTorch, MPI, HDF5, CUDA and NCCL as loaded
  bool built_with_cuda = false;
  device::CudaVersions cuda;
  std::optional<comm::NcclVersions> nccl;
  device::Gpus gpus;
  bool hdf5_is_parallel = true;  ///< the HDF5 that is loaded
  std::string hdf5_built;        ///< version whose headers this program was built with; empty: unknown
  std::string hdf5_loaded;       ///< version of the library that is loaded
  std::optional<std::string> omp_num_threads;
  std::optional<std::string> data_folder;  ///< LAYERSWEEP_DATA
  bool data_folder_exists = false;
  std::optional<std::string> srun_wire_ups;  ///< what `srun --mpi=list` prints; nothing where there is no srun
  bool is_root = false;
  bool root_may_mpirun = false;  ///< Open MPI's two variables are set
};

Machine look_at_machine();

struct Diagnosis {
  std::vector<std::string> facts;     ///< "name: value"
  std::vector<std::string> problems;  ///< what goes wrong, with the remedy
  std::vector<std::string> remarks;   ///< what may be meant
};

/// Pure.
Diagnosis diagnose(const Machine& machine);

/// The names in what `srun --mpi=list` prints: one a line, or all after a colon. Pure.
std::vector<std::string> wire_ups(std::string_view printed);

/// Files mapped by a process whose name starts with one of `names`, each once, from the text of /proc/<pid>/maps. Pure.
std::vector<std::string> mapped_libraries(std::string_view maps, const std::vector<std::string>& names);

}  // namespace layersweep::app
