#include <gtest/gtest.h>
#include <mpi.h>

#include <numeric>

#include "comm/communicator.hpp"
#include "comm/native.hpp"

namespace layersweep::comm {
namespace {

// The laws below hold for the world of this test, for parts of it, and for the communicator that knows no MPI.
std::vector<Communicator> communicators() {
  const Communicator all = world();
  return {Communicator(), all, all.duplicate(), all.split(all.rank() % 2, -all.rank()), all.split_by_host()};
}

TEST(Communicator, DefaultMadeIsRankZeroOfOne) {
  EXPECT_EQ(Communicator().rank(), 0);
  EXPECT_EQ(Communicator().size(), 1);
  EXPECT_EQ(Communicator().split(3, 1).size(), 1);
}

TEST(Communicator, SplitGroupsByColorAndOrdersByKey) {
  const Communicator all = world();
  const Communicator part = all.split(all.rank() % 2, -all.rank());
  const std::vector<int> members = part.all_gather(all.rank());
  EXPECT_EQ(static_cast<int>(members.size()), (all.size() + 1 - all.rank() % 2) / 2);
  for (std::size_t i = 0; i < members.size(); ++i) {
    EXPECT_EQ(members[i] % 2, all.rank() % 2);
    EXPECT_TRUE(i == 0 || members[i] < members[i - 1]);
  }
}

template <class T>
void check_reductions(const Communicator& comm) {
  const T n = static_cast<T>(comm.size());
  const T mine = static_cast<T>(comm.rank() + 1);
  EXPECT_EQ(comm.all_reduce_sum(mine), n * (n + 1) / 2);
  EXPECT_EQ(comm.all_reduce_max(mine), n);
  EXPECT_EQ(comm.all_reduce_min(mine), T{1});
  std::vector<T> values(1000);
  std::iota(values.begin(), values.end(), mine);
  comm.all_reduce_sum(std::span<T>(values));
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], n * (n + 1) / 2 + n * static_cast<T>(i));
}

TEST(Communicator, ReducesEveryType) {
  for (const Communicator& comm : communicators()) {
    check_reductions<float>(comm);
    check_reductions<double>(comm);
    check_reductions<std::int64_t>(comm);
  }
}

TEST(Communicator, KeepsSixtyFourBits) {
  const std::int64_t large = (std::int64_t{1} << 53) + 1;  // not a double
  for (const Communicator& comm : communicators()) EXPECT_EQ(comm.all_reduce_max(large), large);
}

TEST(Communicator, BroadcastsFromEveryRoot) {
  for (const Communicator& comm : communicators()) {
    for (int root = 0; root < comm.size(); ++root) {
      std::vector<double> values(100, comm.rank());
      comm.broadcast(std::span(values), root);
      EXPECT_EQ(values, std::vector<double>(100, root));
      EXPECT_EQ(comm.broadcast_text(std::string(static_cast<std::size_t>(comm.rank()), 'x'), root),
                std::string(static_cast<std::size_t>(root), 'x'));
    }
  }
}

TEST(Communicator, GathersUnevenTextsAndBlocks) {
  for (const Communicator& comm : communicators()) {
    const std::string mine(static_cast<std::size_t>(comm.rank()) * 1000, static_cast<char>('a' + comm.rank()));
    const std::vector<std::string> texts = comm.all_gather_text(mine);
    ASSERT_EQ(static_cast<int>(texts.size()), comm.size());
    for (int rank = 0; rank < comm.size(); ++rank) {
      EXPECT_EQ(texts[static_cast<std::size_t>(rank)],
                std::string(static_cast<std::size_t>(rank) * 1000, static_cast<char>('a' + rank)));
    }
    const int root = comm.size() - 1;
    const auto blocks = comm.gather_blocks(std::as_bytes(std::span(mine)), root);
    ASSERT_EQ(static_cast<int>(blocks.size()), comm.rank() == root ? comm.size() : 0);
    for (std::size_t rank = 0; rank < blocks.size(); ++rank) {
      EXPECT_EQ(blocks[rank].size(), rank * 1000);
      for (const std::byte byte : blocks[rank]) ASSERT_EQ(static_cast<std::size_t>(byte), 'a' + rank);
    }
  }
}

TEST(Communicator, GathersUnevenValues) {
  for (const Communicator& comm : communicators()) {
    const std::vector<double> mine(static_cast<std::size_t>(comm.rank()), comm.rank() + 0.5);
    const auto all = comm.all_gather_uneven(std::span<const double>(mine));
    ASSERT_EQ(static_cast<int>(all.size()), comm.size());
    for (std::size_t rank = 0; rank < all.size(); ++rank) {
      EXPECT_EQ(all[rank], std::vector<double>(rank, static_cast<double>(rank) + 0.5));
    }
  }
}

TEST(Communicator, RanksOfOneHostAreTogether) {
  EXPECT_EQ(world().split_by_host().size(), world().size());  // tests run on one host
}

TEST(Communicator, NativeHandleSpeaksForTheSameRanks) {
  int started = 0;
  MPI_Initialized(&started);
  for (const Communicator& comm : communicators()) {
    const auto handle = native_handle(comm);
    ASSERT_EQ(handle.has_value(), started != 0);
    if (!handle) continue;
    int size = 0;
    MPI_Comm_size(*handle, &size);
    EXPECT_EQ(size, comm.size());
  }
}

}  // namespace
}  // namespace layersweep::comm
