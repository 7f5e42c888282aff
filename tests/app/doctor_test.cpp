#include "app/doctor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace layersweep::app {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Machine sound_machine() {
  Machine machine;
  machine.host = "node1";
  machine.processors = machine.allowed = machine.threads = 8;
  machine.memory_limit_bytes = std::int64_t{16} << 30;
  machine.openmp = {"/opt/libtorch/lib/libgomp.so.1"};
  machine.libraries = {"/opt/libtorch/lib/libtorch_cpu.so", "/usr/lib/libmpi.so.40", "/usr/lib/libhdf5_openmpi.so.103"};
  return machine;
}

TEST(Diagnose, HasNothingToSayOfASoundMachine) {
  const Diagnosis diagnosis = diagnose(sound_machine());
  EXPECT_THAT(diagnosis.problems, IsEmpty());
  EXPECT_THAT(diagnosis.remarks, IsEmpty());
  EXPECT_THAT(diagnosis.facts, Contains("processors: 8 in the machine, 8 allowed here; a single rank uses 8 threads"));
}

std::string only_problem(const Machine& machine) {
  const Diagnosis diagnosis = diagnose(machine);
  EXPECT_EQ(diagnosis.problems.size(), 1u);
  return diagnosis.problems.empty() ? "" : diagnosis.problems.front();
}

TEST(Diagnose, FindsTwoOfWhatMustBeOne) {
  Machine machine = sound_machine();
  machine.openmp.push_back("/usr/lib/libgomp.so.1");
  EXPECT_THAT(only_problem(machine), HasSubstr("2 OpenMP runtimes"));
  machine = sound_machine();
  machine.libraries.push_back("/opt/mpi/libmpi.so.40");
  EXPECT_THAT(only_problem(machine), HasSubstr("libmpi.so"));
}

TEST(Diagnose, FindsWhatMpiAndDataLack) {
  Machine machine = sound_machine();
  machine.launch_problem = "Slurm started 4 tasks that cannot find each other";
  EXPECT_THAT(only_problem(machine), HasSubstr("4 tasks"));
  machine = sound_machine();
  machine.data_folder = "/gone";
  EXPECT_THAT(only_problem(machine), HasSubstr("/gone"));
  machine.data_folder_exists = true;
  EXPECT_THAT(diagnose(machine).problems, IsEmpty());
}

TEST(Diagnose, FindsASlurmWithoutPmix) {
  EXPECT_THAT(
      wire_ups("MPI plugin types are...\n\tnone\n\tpmi2\n\tpmix\nspecific pmix plugin versions available: pmix_v4\n"),
      ElementsAre("none", "pmi2", "pmix", "pmix_v4"));
  EXPECT_THAT(wire_ups("srun: MPI types are...\nsrun: cray_shasta\nsrun: pmi2\n"), ElementsAre("cray_shasta", "pmi2"));
  EXPECT_THAT(wire_ups("srun: fatal: Could not establish a configuration source\n"), IsEmpty());
  Machine machine = sound_machine();
  machine.srun_wire_ups = "MPI plugin types are...\n\tnone\n\tpmix_v5\n";
  EXPECT_THAT(diagnose(machine).problems, IsEmpty());
  EXPECT_THAT(diagnose(machine).facts, Contains("Slurm: srun wires ranks up by none, pmix_v5"));
  machine.srun_wire_ups = "MPI plugin types are...\n\tnone\n\tpmi2\n";
  EXPECT_THAT(only_problem(machine), HasSubstr("without PMIx (`srun --mpi=list` tells of none, pmi2)"));
  machine.srun_wire_ups = "srun: fatal: Could not establish a configuration source";
  EXPECT_THAT(diagnose(machine).problems, IsEmpty());
  EXPECT_THAT(diagnose(machine).remarks, Contains(HasSubstr("knows of no cluster")));
}

TEST(Diagnose, FindsRanksBoundToTooFewProcessors) {
  Machine machine = sound_machine();
  machine.ranks_on_host = 2;
  machine.allowed = machine.threads = 1;
  EXPECT_THAT(only_problem(machine), HasSubstr("2 ranks are bound to 1 processor each, and 6 of 8 do nothing"));
  machine.omp_num_threads = "4";
  EXPECT_THAT(only_problem(machine), HasSubstr("OMP_NUM_THREADS asks for 4 threads"));
  machine.allowed = machine.threads = 4;
  EXPECT_THAT(diagnose(machine).problems, IsEmpty());
}

TEST(Diagnose, TellsWhichDevicesThereAre) {
  Machine machine = sound_machine();
  EXPECT_THAT(diagnose(machine).facts, Contains("devices: cpu (this build has no CUDA back end)"));
  machine.built_with_cuda = true;
  machine.cuda = {"13.0", "13.0"};
  machine.nccl = comm::NcclVersions{"2.28.9", "2.29.2", true};
  machine.gpus.problem = "no CUDA-capable device is detected";
  Diagnosis diagnosis = diagnose(machine);
  EXPECT_THAT(diagnosis.problems, IsEmpty());
  EXPECT_THAT(diagnosis.facts, Contains("NCCL: built with 2.28.9, 2.29.2 loaded"));
  EXPECT_THAT(diagnosis.facts, Contains("GPUs: none (no CUDA-capable device is detected)"));
  machine.gpus = {{{"NVIDIA H100", "0000:1b:00.0", std::int64_t{80} << 30}, {"NVIDIA A100", "0000:43:00.0", 1 << 30}}, ""};
  diagnosis = diagnose(machine);
  EXPECT_THAT(diagnosis.facts, Contains("GPU 0: NVIDIA H100, 80.0 GiB, at 0000:1b:00.0"));
  EXPECT_THAT(diagnosis.facts, Contains("GPU 1: NVIDIA A100, 1.0 GiB, at 0000:43:00.0"));
}

TEST(Diagnose, FindsTheWrongNccl) {
  Machine machine = sound_machine();
  machine.built_with_cuda = true;
  machine.nccl = comm::NcclVersions{"2.28.9", "2.18.5", false};
  EXPECT_THAT(only_problem(machine), HasSubstr("NCCL 2.18.5 is loaded"));
  machine.nccl->fit = true;
  machine.libraries.insert(machine.libraries.end(), {"/opt/nccl/libnccl.so.2", "/usr/lib/libnccl.so.2"});
  EXPECT_THAT(only_problem(machine), HasSubstr("two different libnccl.so"));
}

TEST(Diagnose, FindsTheWrongHdf5) {
  Machine machine = sound_machine();
  machine.hdf5_is_parallel = false;
  EXPECT_THAT(only_problem(machine), HasSubstr("not parallel"));
  machine = sound_machine();
  machine.hdf5_built = "1.10.8";
  machine.hdf5_loaded = "1.14.3";
  EXPECT_THAT(only_problem(machine), HasSubstr("1.14.3 is loaded"));
  machine.hdf5_loaded = "1.10.8";
  EXPECT_THAT(diagnose(machine).problems, IsEmpty());
}

TEST(Diagnose, RemarksOnThreadsThatAreNotWhatTheySeem) {
  Machine machine = sound_machine();
  machine.allowed = 1;
  EXPECT_THAT(diagnose(machine).remarks, ElementsAre(HasSubstr("1 of 8 processors")));
  machine = sound_machine();
  machine.quota = 2.5;
  EXPECT_THAT(diagnose(machine).remarks, ElementsAre(HasSubstr("2.5 processors")));
  machine = sound_machine();
  machine.omp_num_threads = "3";
  EXPECT_THAT(diagnose(machine).remarks, ElementsAre(HasSubstr("OMP_NUM_THREADS is 3")));
  machine = sound_machine();
  machine.is_root = true;
  EXPECT_THAT(diagnose(machine).remarks, ElementsAre(HasSubstr("root")));
  machine.root_may_mpirun = true;
  EXPECT_THAT(diagnose(machine).remarks, IsEmpty());
}

TEST(MappedLibraries, NamesEachFileOnce) {
  const auto* maps =
      "7f00-7f01 r-xp 00000000 08:01 11 /a b/libgomp.so.1\n"
      "7f01-7f02 r--p 00001000 08:01 11 /a b/libgomp.so.1\n"
      "7f02-7f03 r--p 00000000 08:01 12 /c/libgomp-a1b2.so.1.0.0\n"
      "7f03-7f04 rw-p 00000000 00:00 0 \n"
      "7f04-7f05 r-xp 00000000 08:01 13 /libgomp.so.1/libother.so\n"
      "7f05-7f06 rw-p 00000000 00:00 0 [heap]\n";
  EXPECT_THAT(mapped_libraries(maps, {"libgomp"}), ElementsAre("/a b/libgomp.so.1", "/c/libgomp-a1b2.so.1.0.0"));
}

}  // namespace
}  // namespace layersweep::app
