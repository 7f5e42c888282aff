// Which rank of a host gets which GPU: the laws of the assignment, over the ways launchers show GPUs to ranks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "base/error.hpp"
#include "device/gpus.hpp"

namespace layersweep::device {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Addresses = std::vector<std::vector<std::string>>;

const std::vector<std::string> four{"0000:1b:00.0", "0000:43:00.0", "0000:8a:00.0", "0000:c1:00.0"};

std::string refusal_of(const Addresses& addresses) {
  try {
    assign_gpus("node07", addresses);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(AssignGpus, LocalRankCountsWhereAllSeeAll) {
  EXPECT_THAT(assign_gpus("node07", Addresses(4, four)), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(assign_gpus("node07", Addresses(2, four)), ElementsAre(0, 1));
  EXPECT_THAT(assign_gpus("node07", {{four[2]}}), ElementsAre(0));
}

// Slurm with --gpus-per-task=1: every task has one GPU of its own and calls it 0.
TEST(AssignGpus, OneVisibleGpuPerTaskIsRespected) {
  EXPECT_THAT(assign_gpus("node07", {{four[3]}, {four[0]}, {four[2]}, {four[1]}}), ElementsAre(0, 0, 0, 0));
}

// CUDA_VISIBLE_DEVICES may reorder: numbers are each rank's own.
TEST(AssignGpus, NumbersAreThoseOfTheRank) {
  EXPECT_THAT(assign_gpus("node07", {{four[3], four[2]}, {four[2], four[3]}}), ElementsAre(0, 0));
  EXPECT_THAT(assign_gpus("node07", {{four[0], four[1]}, {four[0], four[1]}, {four[2], four[3]}, {four[2], four[3]}}),
              ElementsAre(0, 1, 0, 1));
}

// A rank that could go elsewhere makes room for one that cannot.
TEST(AssignGpus, MakesRoom) {
  EXPECT_THAT(assign_gpus("node07", {{four[0], four[1]}, {four[0]}}), ElementsAre(1, 0));
  EXPECT_THAT(assign_gpus("node07", {{four[0], four[1]}, {four[1], four[2]}, {four[0]}, {four[1], four[3]}}),
              ElementsAre(1, 1, 0, 1));
}

TEST(AssignGpus, RefusesMoreRanksThanGpus) {
  const std::string message = refusal_of(Addresses(6, four));
  EXPECT_THAT(message, HasSubstr("6 ranks on node07 see 4 GPUs"));
  EXPECT_THAT(message, HasSubstr("two ranks cannot share a GPU"));
  EXPECT_THAT(refusal_of({{four[1]}, {four[1]}}), HasSubstr("2 ranks on node07 see 1 GPU between"));
  // Enough GPUs in all, but not for those two.
  EXPECT_THAT(refusal_of({{four[1]}, {four[1]}, {four[2], four[3]}}), HasSubstr("3 ranks on node07 see 3 GPUs"));
}

TEST(AssignGpus, RefusesARankThatSeesNone) {
  const std::string message = refusal_of({{four[0]}, {}});
  EXPECT_THAT(message, HasSubstr("rank 1 of 2 on node07 sees no GPU"));
  EXPECT_THAT(message, HasSubstr("CUDA_VISIBLE_DEVICES"));
}

// Whether an assignment exists at all, by trying every choice.
bool exists(const Addresses& addresses, std::size_t rank, std::set<std::string>& taken) {
  if (rank == addresses.size()) return true;
  for (const std::string& address : addresses[rank]) {
    if (!taken.insert(address).second) continue;
    if (exists(addresses, rank + 1, taken)) return true;
    taken.erase(address);
  }
  return false;
}

TEST(AssignGpus, FindsAnAssignmentWheneverThereIsOne) {
  std::mt19937 random(3);
  int found = 0, refused = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    Addresses addresses(1 + random() % 5);
    for (auto& seen : addresses) {
      std::vector<std::string> shuffled = four;
      std::ranges::shuffle(shuffled, random);
      seen.assign(shuffled.begin(), shuffled.begin() + 1 + static_cast<int>(random() % 3));
    }
    std::set<std::string> taken;
    if (!exists(addresses, 0, taken)) {
      EXPECT_THROW(assign_gpus("node07", addresses), base::InputError);
      ++refused;
      continue;
    }
    ++found;
    const std::vector<int> numbers = assign_gpus("node07", addresses);
    std::set<std::string> used;
    for (std::size_t rank = 0; rank < addresses.size(); ++rank) {
      used.insert(addresses[rank].at(static_cast<std::size_t>(numbers[rank])));
    }
    EXPECT_EQ(used.size(), addresses.size());
    EXPECT_EQ(numbers, assign_gpus("node07", addresses));
  }
  EXPECT_GT(found, 500);
  EXPECT_GT(refused, 100);
}

TEST(Gpus, SayWhyThereAreNone) {
  const Gpus gpus = visible_gpus();
  EXPECT_EQ(gpus.visible.empty(), !gpus.problem.empty()) << gpus.problem;
  EXPECT_EQ(cuda_versions().built.empty(), !built_with_cuda());
}

}  // namespace
}  // namespace layersweep::device
