// The half of doctor that looks: /proc, the environment, the device room.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/doctor.hpp"
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
  look_at_launch(machine);
  const std::string maps = maps_of_this_process();
  machine.openmp = mapped_libraries(maps, {"libgomp", "libiomp5", "libomp"});
  machine.libraries = mapped_libraries(maps, {"libtorch_cpu.so", "libmpi.so", "libhdf5"});
  machine.omp_num_threads = base::environment_variable("OMP_NUM_THREADS");
  machine.data_folder = base::environment_variable("LAYERSWEEP_DATA");
  std::error_code unreadable;
  machine.data_folder_exists = machine.data_folder && std::filesystem::is_directory(*machine.data_folder, unreadable);
  machine.is_root = geteuid() == 0;
  machine.root_may_mpirun =
      base::environment_variable("OMPI_ALLOW_RUN_AS_ROOT") && base::environment_variable("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM");
  return machine;
}

}  // namespace layersweep::app
