// What the environment says about how the process was started.
#include <gtest/gtest.h>
#include <mpi.h>

#include <map>

#include "base/error.hpp"
#include "comm/check.hpp"
#include "comm/communicator.hpp"
#include "comm/mpi_session.hpp"

namespace layersweep::comm {
namespace {

Launch launch_of(const std::map<std::string, std::string>& environment) {
  return detect_launch([&](const char* name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(Launch, AloneIsNotUnderMpi) { EXPECT_FALSE(launch_of({}).by_mpi); }

TEST(Launch, MpirunIsSeen) { EXPECT_TRUE(launch_of({{"OMPI_COMM_WORLD_SIZE", "4"}}).by_mpi); }

TEST(Launch, MpirunInsideASlurmStepIsBelieved) {
  const Launch launch = launch_of(
      {{"OMPI_COMM_WORLD_SIZE", "1"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_NTASKS", "8"}});
  EXPECT_TRUE(launch.by_mpi);
  EXPECT_EQ(launch.slurm_tasks, 1);
}

TEST(Launch, SrunWithPmixTellsItsTasks) {
  const Launch launch = launch_of({{"PMIX_RANK", "3"}, {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}});
  EXPECT_TRUE(launch.by_mpi);
  EXPECT_EQ(launch.slurm_tasks, 4);
}

TEST(Launch, SrunWithoutWireUpIsRefused) {
  EXPECT_THROW(launch_of({{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "2"}}), base::InputError);
  EXPECT_THROW(launch_of({{"SLURM_STEPID", "0"}, {"SLURM_NTASKS", "4"}}), base::InputError);
}

TEST(Launch, SrunOfOneTaskIsAlone) {
  const Launch launch = launch_of({{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_NTASKS", "4"}});
  EXPECT_FALSE(launch.by_mpi);
  EXPECT_EQ(launch.slurm_tasks, 1);
}

TEST(Launch, ABatchScriptItselfIsOneRank) {
  const Launch launch = launch_of({{"SLURM_JOB_ID", "17"}, {"SLURM_NTASKS", "4"}, {"SLURM_PROCID", "0"}});
  EXPECT_FALSE(launch.by_mpi);
  EXPECT_EQ(launch.slurm_tasks, 1);
  EXPECT_EQ(launch.batch_tasks, 4);
}

TEST(MpiSession, AloneDoesNotStartMpi) {
  const MpiSession session;
  EXPECT_EQ(session.origin(), MpiSession::Origin::alone);
  int started = 1;
  MPI_Initialized(&started);
  EXPECT_EQ(started, 0);
  EXPECT_EQ(world().size(), 1);
}

TEST(AbortJob, OfOneRankEndsWithItsCode) {
  EXPECT_EXIT(abort_job("the disk is full", 3), testing::ExitedWithCode(3), "error: the disk is full");
}

TEST(Chunks, CoverTheCountInOrder) {
  for (const std::size_t count : {0UL, 1UL, 9UL, 10UL, 11UL, 20UL, 25UL}) {
    std::size_t covered = 0;
    for_each_chunk(count, 10, [&](std::size_t offset, int length) {
      EXPECT_EQ(offset, covered);
      EXPECT_GT(length, 0);
      EXPECT_LE(length, 10);
      covered += static_cast<std::size_t>(length);
    });
    EXPECT_EQ(covered, count);
  }
}

}  // namespace
}  // namespace layersweep::comm
