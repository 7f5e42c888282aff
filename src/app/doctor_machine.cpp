// The half of doctor that looks: /proc, the environment, the device room.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/doctor.hpp"
#include "base/build_info.hpp"
#include "base/environment.hpp"
#include "base/error.hpp"
#include "comm/mpi_session.hpp"
#include "device/memory.hpp"
#include "device/processor.hpp"
#include "device/threads.hpp"

namespace layersweep::app {

namespace {

std::string maps_of_this_process() {
  std::ifstream stream("/proc/self/maps");
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void look_at_launch(Machine& machine) {
  try {
    const comm::Launch launch = comm::detect_launch(base::environment_variable);
    machine.launcher = launch.by_mpi ? "an MPI launcher (mpirun, or srun with PMIx)" : "none, one rank";
    if (launch.slurm_tasks > 1) machine.launcher += fmt::format("; Slurm step of {} tasks", launch.slurm_tasks);
    if (launch.batch_tasks > 1) machine.launcher += fmt::format("; batch script of a job of {} tasks", launch.batch_tasks);
  } catch (const base::InputError& error) {
    machine.launcher = "Slurm, without PMIx";
    machine.launch_problem = error.what();
  }
}

// By name, since the headers of HDF5 belong to one room and may be those of another version.
void look_at_hdf5(Machine& machine) {
  machine.hdf5_is_parallel = ::dlsym(RTLD_DEFAULT, "H5Pset_fapl_mpio") != nullptr;
  using Version = int(unsigned*, unsigned*, unsigned*);
  if (void* const found = ::dlsym(RTLD_DEFAULT, "H5get_libversion")) {
    unsigned major = 0, minor = 0, release = 0;
    reinterpret_cast<Version*>(found)(&major, &minor, &release);
    machine.hdf5_loaded = fmt::format("{}.{}.{}", major, minor, release);
  }
  for (const auto& [name, version] : base::build_info().libraries) {
    if (name == "HDF5") machine.hdf5_built = version;
  }
}

// A Slurm that does not answer must not keep the doctor.
std::optional<std::string> srun_wire_ups() {
  FILE* const pipe = ::popen("command -v srun >/dev/null || exit 127; timeout 10 srun --mpi=list 2>&1 </dev/null", "r");
  if (pipe == nullptr) return std::nullopt;
  std::string text;
  std::array<char, 512> piece{};
  for (std::size_t count = 0; (count = std::fread(piece.data(), 1, piece.size(), pipe)) > 0;)
    text.append(piece.data(), count);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return std::nullopt;
  return text;
}

int ranks_on_host() {
  for (const char* name : {"OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_TASKS_PER_NODE"}) {
    const auto text = base::environment_variable(name);
    const int count = text ? static_cast<int>(std::strtol(text->c_str(), nullptr, 10)) : 0;
    if (count > 0) return count;
  }
  return 1;
}

}  // namespace

std::vector<std::string> mapped_libraries(std::string_view maps, const std::vector<std::string>& names) {
  std::vector<std::string> found;
  std::istringstream lines{std::string(maps)};
  for (std::string line; std::getline(lines, line);) {
    const auto path_begin = line.find('/');
    if (path_begin == std::string::npos) continue;
    const std::string path = line.substr(path_begin);
    const std::string file = path.substr(path.rfind('/') + 1);
    const bool wanted = std::ranges::any_of(names, [&](const std::string& name) { return file.starts_with(name); });
    if (wanted && std::ranges::find(found, path) == found.end()) found.push_back(path);
  }
  return found;
}

Machine look_at_machine() {
  Machine machine;
  machine.host = base::host_name();
  const device::Processor processor = device::processor();
  machine.processor = processor.name;
  machine.processor_features = processor.features;
  machine.processors = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  machine.allowed = static_cast<int>(device::allowed_processors().size());
  machine.quota = device::processor_quota();
  machine.threads = device::threads_for_rank({device::allowed_processors()}, 0, machine.quota);
  machine.memory_limit_bytes = device::memory_limit_bytes();
  machine.ranks_on_host = ranks_on_host();
  look_at_launch(machine);
  look_at_hdf5(machine);
  machine.built_with_cuda = device::built_with_cuda();
  machine.cuda = device::cuda_versions();
  machine.nccl = comm::nccl_versions();
  machine.gpus = device::visible_gpus();
  const std::string maps = maps_of_this_process();
  machine.openmp = mapped_libraries(maps, {"libgomp", "libiomp5", "libomp"});
  machine.libraries = mapped_libraries(maps, {"libtorch_cpu.so", "libmpi.so", "libhdf5", "libcudart.so", "libnccl.so"});
  machine.omp_num_threads = base::environment_variable("OMP_NUM_THREADS");
  machine.data_folder = base::environment_variable("LAYERSWEEP_DATA");
  std::error_code unreadable;
  machine.data_folder_exists = machine.data_folder && std::filesystem::is_directory(*machine.data_folder, unreadable);
  machine.srun_wire_ups = srun_wire_ups();
  machine.is_root = geteuid() == 0;
  machine.root_may_mpirun =
      base::environment_variable("OMPI_ALLOW_RUN_AS_ROOT") && base::environment_variable("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM");
  return machine;
}

}  // namespace layersweep::app
