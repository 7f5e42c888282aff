#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <numeric>
#include <thread>

#include "device/threads.hpp"

namespace layersweep::device {
namespace {

std::vector<int> range(int begin, int end) {
  std::vector<int> numbers(static_cast<std::size_t>(end - begin));
  std::iota(numbers.begin(), numbers.end(), begin);
  return numbers;
}

TEST(Threads, RanksThatShareAMaskDivideIt) {
  EXPECT_EQ(threads_for_rank({range(0, 8)}, 0, {}), 8);
  const std::vector<std::vector<int>> six(6, range(0, 6));
  EXPECT_EQ(threads_for_rank(six, 5, {}), 1);
  const std::vector<std::vector<int>> three(3, range(0, 8));
  EXPECT_EQ(threads_for_rank(three, 1, {}), 2);  // never more threads than processors
}

TEST(Threads, BoundRanksKeepTheirOwn) {
  EXPECT_EQ(threads_for_rank({range(0, 4), range(4, 6)}, 0, {}), 4);
  EXPECT_EQ(threads_for_rank({range(0, 4), range(4, 6)}, 1, {}), 2);
}

TEST(Threads, MoreRanksThanProcessorsGetOneEach) {
  const std::vector<std::vector<int>> masks(8, range(0, 2));
  EXPECT_EQ(threads_for_rank(masks, 3, {}), 1);
}

TEST(Threads, TheQuotaCountsForTheHostsRanksTogether) {
  EXPECT_EQ(threads_for_rank({range(0, 16)}, 0, 3.5), 3);
  EXPECT_EQ(threads_for_rank({range(0, 8), range(8, 16)}, 0, 4.0), 2);
  EXPECT_EQ(threads_for_rank({range(0, 8)}, 0, 100.0), 8);
  EXPECT_EQ(threads_for_rank({range(0, 8)}, 0, 0.5), 1);
}

// Together they never ask for more than there is, unless there is not one processor for each.
TEST(Threads, NeverOvercommit) {
  for (int ranks = 1; ranks <= 8; ++ranks) {
    for (int overlap = 0; overlap <= 8; ++overlap) {
      std::vector<std::vector<int>> masks;
      for (int rank = 0; rank < ranks; ++rank) masks.push_back(range(rank * 4, rank * 4 + 4 + overlap));
      int total = 0;
      for (int rank = 0; rank < ranks; ++rank) total += threads_for_rank(masks, rank, {});
      EXPECT_LE(total, ranks * 4 + overlap);
    }
  }
}

TEST(Threads, TheMaskIsThatOfTheProcess) {
  const std::vector<int> before = allowed_processors();
  ASSERT_FALSE(before.empty());
  std::thread([&] {  // masks belong to threads: the test's own stays as it is
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(before.back()), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(allowed_processors(), std::vector<int>{before.back()});
  })
      .join();
  EXPECT_EQ(allowed_processors(), before);
}

TEST(Threads, LibTorchUsesThem) {
  use_threads(3);
  EXPECT_EQ(at::get_num_threads(), 3);
  use_threads(1);
  EXPECT_EQ(at::get_num_threads(), 1);
}

}  // namespace
}  // namespace layersweep::device
