// Sums of a step in the memory of GPUs, on the stand-in for NCCL and CUDA (comm/stand_in), whose memory is the host's: the
// same as over MPI, and not asked for where the order of a sum is fixed, or on one rank.
#include "comm/stand_in/stand_in.hpp"
#include "sweep/step_reducer.hpp"
#include "sweep/support.hpp"

namespace layersweep {
namespace {

using sweep::Ranks;
using terms::Mode;
using test::Reduction;

class SumsOnGpus : public testing::TestWithParam<Mode> {
 protected:
  // Two steps.
  std::vector<at::Tensor> sums_of(const Ranks& team) const {
    sweep::StepReducer reducer(team, layout_);
    std::vector<at::Tensor> sums;
    for (int step = 0; step < 2; ++step) {
      for (int shard = team.my_shards().begin; shard < team.my_shards().end; ++shard) {
        at::manual_seed(static_cast<std::uint64_t>(100 * step + shard));
        probe::StepSums part(layout_);
        part.flat().copy_(at::randn_like(part.flat()));
        reducer.add(shard, part);
      }
      sums.push_back(reducer.sum().flat());
    }
    return sums;
  }

  probe::ProbeLayout layout_{GetParam(), {8, 8, 12}, 2};
};

INSTANTIATE_TEST_SUITE_P(Modes, SumsOnGpus, testing::Values(Mode::input, Mode::hidden),
                         [](const auto& instance) { return std::string(terms::name_of(instance.param)); });

TEST_P(SumsOnGpus, AreThoseOverMpi) {
  comm::stand_in::behave({});
  const auto expected = sums_of(test::all_ranks(Reduction::plain));
  const auto sums = sums_of(test::all_ranks({.gpu = comm::world().rank()}));
  for (std::size_t step = 0; step < 2; ++step) {
    EXPECT_LT(test::relative_difference(sums[step], expected[step]), 1e-6);  // eight numbers in another order
  }
  EXPECT_EQ(comm::stand_in::calls("ncclAllReduce"), comm::world().size() > 1 ? 2 : 0);
  EXPECT_THAT(comm::stand_in::violations(), testing::IsEmpty());
}

TEST_P(SumsOnGpus, ComeToTheHostWhereTheirOrderIsFixed) {
  comm::stand_in::behave({});
  const auto expected = sums_of(test::all_ranks(Reduction::deterministic));
  const auto sums = sums_of(test::all_ranks({.reduction = Reduction::deterministic, .gpu = comm::world().rank()}));
  for (std::size_t step = 0; step < 2; ++step) EXPECT_TRUE(sums[step].equal(expected[step]));
  EXPECT_EQ(comm::stand_in::calls(), 0);
}

// Groups of one rank have nothing to sum over NCCL, and tell each other their figures over MPI.
TEST_P(SumsOnGpus, OfGroupsThatShareThePoints) {
  if (comm::world().size() != 2) GTEST_SKIP() << "for two ranks";
  comm::stand_in::behave({});
  const auto expected = sums_of(test::all_ranks({.point_groups = {{0, 2}, {2, 3}}}));
  const auto sums = sums_of(test::all_ranks({.gpu = comm::world().rank(), .point_groups = {{0, 2}, {2, 3}}}));
  for (std::size_t step = 0; step < 2; ++step) {
    EXPECT_LT(test::relative_difference(sums[step], expected[step]), 1e-6);
  }
  EXPECT_EQ(comm::stand_in::calls("ncclAllReduce"), GetParam() == Mode::hidden ? 0 : 2);
}

}  // namespace
}  // namespace layersweep
