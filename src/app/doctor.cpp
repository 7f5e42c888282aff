#include "app/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace layersweep::app {

namespace {

std::string comma_list(const std::vector<std::string>& texts) {
  std::string text;
  for (const std::string& next : texts) text += (text.empty() ? "" : ", ") + next;
  return text.empty() ? "none" : text;
}

constexpr std::int64_t gibibyte = std::int64_t{1} << 30;

void judge_libraries(const Machine& machine, Diagnosis& diagnosis) {
  if (machine.openmp.size() > 1) {
    diagnosis.problems.push_back(fmt::format(
        "{} OpenMP runtimes are loaded, and each starts threads of its own: {}. Build with the one that LibTorch "
        "brings, and take LD_PRELOAD out of the environment",
        machine.openmp.size(), comma_list(machine.openmp)));
  }
  const auto loaded = [&](std::string_view name) {
    std::vector<std::string> paths;
    for (const std::string& path : machine.libraries) {
      if (path.substr(path.rfind('/') + 1).starts_with(name)) paths.push_back(path);
    }
    return paths;
  };
  for (const char* name : {"libtorch_cpu.so", "libmpi.so", "libcudart.so", "libnccl.so"}) {
    if (const auto paths = loaded(name); paths.size() > 1) {
      diagnosis.problems.push_back(
          fmt::format("two different {} are loaded: {}. Check LD_LIBRARY_PATH", name, comma_list(paths)));
    }
  }
}

void judge_hdf5(const Machine& machine, Diagnosis& diagnosis) {
  if (!machine.hdf5_is_parallel) {
    diagnosis.problems.push_back(
        "the HDF5 library that is loaded is not parallel, so ranks cannot write one results file. Take the serial one out "
        "of "
        "LD_LIBRARY_PATH and LD_PRELOAD");
  }
  if (!machine.hdf5_built.empty() && !machine.hdf5_loaded.empty() && machine.hdf5_built != machine.hdf5_loaded) {
    diagnosis.problems.push_back(fmt::format(
        "this program was built with HDF5 {}, but {} is loaded, which the library refuses. Check LD_LIBRARY_PATH",
        machine.hdf5_built, machine.hdf5_loaded));
  }
}

void judge_nccl(const Machine& machine, Diagnosis& diagnosis) {
  if (machine.nccl && !machine.nccl->fit) {
    diagnosis.problems.push_back(
        fmt::format("NCCL {} is loaded, but this program was built with {}. Take the older one out of LD_LIBRARY_PATH",
                    machine.nccl->loaded, machine.nccl->built));
  }
}

// Threads that share fewer processors wait for each other at every step.
void judge_binding(const Machine& machine, Diagnosis& diagnosis) {
  int wanted = 0;
  if (machine.omp_num_threads) wanted = static_cast<int>(std::strtol(machine.omp_num_threads->c_str(), nullptr, 10));
  const bool launched = machine.ranks_on_host > 1;
  if (launched && wanted > machine.allowed) {
    diagnosis.problems.push_back(fmt::format(
        "OMP_NUM_THREADS asks for {} threads, but the launcher binds this rank to {} of {} processors. Under mpirun take "
        "--bind-to none, or --map-by slot:PE={}; under srun --cpus-per-task {}",
        wanted, machine.allowed, machine.processors, wanted, wanted));
  } else if (launched && 2 * machine.ranks_on_host * machine.allowed <= machine.processors) {
    diagnosis.problems.push_back(fmt::format(
        "{} ranks are bound to {} processor{} each, and {} of {} do nothing. Under mpirun take --bind-to none, or --map-by "
        "slot:PE={}; under srun --cpus-per-task {}",
        machine.ranks_on_host, machine.allowed, machine.allowed == 1 ? "" : "s",
        machine.processors - machine.ranks_on_host * machine.allowed, machine.processors,
        machine.processors / machine.ranks_on_host, machine.processors / machine.ranks_on_host));
  }
}

void judge_processors(const Machine& machine, Diagnosis& diagnosis) {
  if (machine.allowed < machine.processors && machine.allowed == 1) {
    diagnosis.remarks.push_back(fmt::format(
        "this process may use 1 of {} processors. Under mpirun, --bind-to none (or --map-by with PE=threads) gives "
        "each rank more; under srun, --cpus-per-task",
        machine.processors));
  }
  if (machine.quota && *machine.quota < machine.allowed) {
    diagnosis.remarks.push_back(
        fmt::format("the control group grants {:.1f} processors of time on {} processors; threads are "
                    "limited to that",
                    *machine.quota, machine.allowed));
  }
  if (machine.omp_num_threads) {
    diagnosis.remarks.push_back(fmt::format("OMP_NUM_THREADS is {}; run.threads decides instead, and 0 there means {} here",
                                            *machine.omp_num_threads, machine.threads));
  }
  if (machine.memory_limit_bytes > 0 && machine.memory_limit_bytes < 2 * gibibyte) {
    diagnosis.remarks.push_back("less than 2 GiB of memory: lower run.token_budget, or use few ranks per host");
  }
}

void judge_slurm(const Machine& machine, Diagnosis& diagnosis) {
  if (!machine.srun_wire_ups) return;
  const std::vector<std::string> names = wire_ups(*machine.srun_wire_ups);
  diagnosis.facts.push_back("Slurm: srun wires ranks up by " + comma_list(names));
  const auto is_pmix = [](const std::string& name) { return name == "pmix" || name.starts_with("pmix_"); };
  if (names.empty()) {
    // Slurm's programs are there on many hosts that belong to no cluster.
    diagnosis.remarks.push_back(
        "Slurm's srun is here, but knows of no cluster: `srun --mpi=list` names no way to wire ranks up");
  } else if (std::ranges::none_of(names, is_pmix)) {
    diagnosis.problems.push_back(fmt::format(
        "this Slurm was built without PMIx (`srun --mpi=list` tells of {}), by which Open MPI's ranks find each other. Ask "
        "the "
        "cluster's operators for it, or set launcher = mpirun, with an MPI built for this Slurm, in the cluster's file",
        comma_list(names)));
  }
}

void judge_surroundings(const Machine& machine, Diagnosis& diagnosis) {
  if (!machine.launch_problem.empty()) diagnosis.problems.push_back(machine.launch_problem);
  if (machine.data_folder && !machine.data_folder_exists) {
    diagnosis.problems.push_back(fmt::format("LAYERSWEEP_DATA is {}, which is no folder", *machine.data_folder));
  }
  if (machine.is_root && !machine.root_may_mpirun) {
    diagnosis.remarks.push_back(
        "Open MPI's mpirun refuses to start as root, unless OMPI_ALLOW_RUN_AS_ROOT=1 and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "
        "are "
        "set");
  }
}

void tell_devices(const Machine& machine, std::vector<std::string>& facts) {
  if (!machine.built_with_cuda) {
    facts.emplace_back("devices: cpu (this build has no CUDA back end)");
    return;
  }
  facts.emplace_back("devices: cpu, and with run.device = cuda a GPU for each rank (docs/gpu.md)");
  facts.push_back(fmt::format("CUDA runtime: built with {}, {} loaded", machine.cuda.built, machine.cuda.loaded));
  if (machine.nccl)
    facts.push_back(fmt::format("NCCL: built with {}, {} loaded", machine.nccl->built, machine.nccl->loaded));
  if (machine.gpus.visible.empty()) facts.push_back(fmt::format("GPUs: none ({})", machine.gpus.problem));
  int number = 0;
  for (const device::Gpu& gpu : machine.gpus.visible) {
    facts.push_back(fmt::format("GPU {}: {}, {:.1f} GiB, at {}", number++, gpu.name,
                                static_cast<double>(gpu.memory_bytes) / gibibyte, gpu.address));
  }
}

}  // namespace

std::vector<std::string> wire_ups(std::string_view printed) {
  // "MPI plugin types are..." and a name a line; older Slurms prefix every line with "srun: "; newer ones add a line of
  // "specific pmix plugin versions available: pmix_v4,pmix_v5".
  std::vector<std::string> names;
  std::istringstream lines{std::string(printed)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("srun: ")) line.erase(0, 6);
    if (const auto colon = line.find(':'); line.find("available") < colon && colon != std::string::npos)
      line.erase(0, colon + 1);
    std::ranges::replace(line, ',', ' ');
    std::istringstream words(line);
    std::vector<std::string> found;
    for (std::string word; words >> word;) found.push_back(word);
    const auto is_name = [](const std::string& word) {
      return std::ranges::all_of(word, [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_'; });
    };
    if (found.empty() || !std::ranges::all_of(found, is_name)) continue;
    names.insert(names.end(), found.begin(), found.end());
  }
  return names;
}

Diagnosis diagnose(const Machine& machine) {
  Diagnosis diagnosis;
  auto& facts = diagnosis.facts;
  facts.push_back("host: " + machine.host);
  facts.push_back(fmt::format("processor: {} ({})", machine.processor, comma_list(machine.processor_features)));
  facts.push_back(fmt::format("processors: {} in the machine, {} allowed here{}; a single rank uses {} threads",
                              machine.processors, machine.allowed,
                              machine.quota ? fmt::format(", {:.1f} granted", *machine.quota) : "", machine.threads));
  facts.push_back(fmt::format("memory limit: {:.1f} GiB", static_cast<double>(machine.memory_limit_bytes) / gibibyte));
  facts.push_back("started by: " + machine.launcher);
  tell_devices(machine, facts);
  facts.push_back(fmt::format("HDF5: {}{}", machine.hdf5_is_parallel ? "parallel" : "serial",
                              machine.hdf5_loaded.empty() ? "" : ", " + machine.hdf5_loaded));
  facts.push_back("OpenMP runtime: " + comma_list(machine.openmp));
  for (const std::string& path : machine.libraries) facts.push_back("loaded: " + path);
  facts.push_back("data folder (LAYERSWEEP_DATA): " + machine.data_folder.value_or("not set"));
  judge_libraries(machine, diagnosis);
  judge_hdf5(machine, diagnosis);
  judge_nccl(machine, diagnosis);
  judge_binding(machine, diagnosis);
  judge_processors(machine, diagnosis);
  judge_slurm(machine, diagnosis);
  judge_surroundings(machine, diagnosis);
  return diagnosis;
}

}  // namespace layersweep::app
