// The GPU back end on a stand-in for NCCL and CUDA (stand_in/stand_in.hpp): our use of the library, its deadlines and
// errors, with real ranks. What NCCL does on GPUs is not shown here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>
#include <thread>

#include "base/error.hpp"
#include "comm/device_team.hpp"
#include "comm/gradient_reducer.hpp"
#include "comm/outcome.hpp"
#include "shard_reference.hpp"
#include "stand_in/stand_in.hpp"

namespace layersweep::comm {
namespace {

using stand_in::Behaviour;
using stand_in::never;
using test::bits;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double patient_s = 30;
constexpr DeviceStream stream = nullptr;

DeviceSpan<float> span_of(std::vector<float>& values) { return {values.data(), values.size()}; }

// Whatever happened, nothing forbidden was done and nothing is left.
class DeviceTeamTest : public testing::Test {
 protected:
  void SetUp() override { behave({}); }
  void TearDown() override {
    EXPECT_THAT(stand_in::violations(), IsEmpty());
    EXPECT_EQ(stand_in::live_communicators(), 0);
    all_.barrier();
  }

  void behave(const Behaviour& behaviour) {
    stand_in::behave(behaviour);
    all_.barrier();
  }
  // A team of all ranks, each with the GPU of its number.
  DeviceTeam make_team(
      double limit_s = patient_s, Communicator::PollMessages poll_messages = [] {}) {
    return {all_.with_limit(limit_s, std::move(poll_messages)), all_.rank()};
  }
  void sum(const DeviceTeam& team) {
    std::vector<float> values(4, 1.0F);
    team.all_reduce_sum(span_of(values), stream, "the sum of a test");
  }
  bool is_last() const { return all_.rank() == all_.size() - 1; }

  Communicator all_ = world();
};

#define NEEDS_TWO_RANKS() \
  if (all_.size() == 1) GTEST_SKIP() << "needs two ranks"

TEST_F(DeviceTeamTest, OneRankIsTheIdentityAndNeverCallsNccl) {
  {
    const DeviceTeam team(all_.split(all_.rank(), 0).with_limit(patient_s), all_.rank());
    EXPECT_EQ(team.size(), 1);
    std::vector<float> values{1.5F, -2.0F};
    team.all_reduce_sum(span_of(values), stream);
    team.broadcast({reinterpret_cast<std::byte*>(values.data()), 8}, 0, stream);
    EXPECT_EQ(values, (std::vector<float>{1.5F, -2.0F}));
  }
  EXPECT_EQ(stand_in::calls(), 0);
}

// Integers, so that every order gives the same; the same as MPI gives.
TEST_F(DeviceTeamTest, SumsAreThoseOfMpi) {
  std::mt19937 random(static_cast<unsigned>(all_.rank()));
  std::uniform_int_distribution<int> pick(-1000, 1000);
  const DeviceTeam team = make_team();
  for (int step = 0; step < 20; ++step) {
    std::vector<float> floats(1000);
    std::vector<double> doubles(37);
    for (float& value : floats) value = static_cast<float>(pick(random));
    for (double& value : doubles) value = pick(random);
    std::vector<float> expected_floats = floats;
    std::vector<double> expected_doubles = doubles;
    all_.all_reduce_sum(std::span(expected_floats));
    all_.all_reduce_sum(std::span(expected_doubles));
    team.all_reduce_sum(span_of(floats), stream);
    team.all_reduce_sum(DeviceSpan<double>{doubles.data(), doubles.size()}, stream);
    EXPECT_EQ(floats, expected_floats);
    EXPECT_EQ(doubles, expected_doubles);
  }
}

// NCCL is at work behind calls that have returned: the next must wait, each on its own rank's time.
TEST_F(DeviceTeamTest, WaitsWhileNcclIsInProgress) {
  const double unit_s = 0.01 * (1 + all_.rank());
  behave(
      {.connect_s = unit_s, .enqueue_s = unit_s, .transfer_s = 2 * unit_s, .finalize_s = unit_s, .compute_s = 3 * unit_s});
  {
    const DeviceTeam team = make_team();
    for (int step = 0; step < 3; ++step) {
      std::vector<float> values(5, static_cast<float>(all_.rank() + 1));
      team.all_reduce_sum(span_of(values), stream);
      EXPECT_EQ(values, std::vector<float>(5, static_cast<float>(all_.size() * (all_.size() + 1) / 2)));
      team.broadcast({reinterpret_cast<std::byte*>(values.data()), 8}, 0, stream);
    }
  }
  const int expected = all_.size() > 1 ? 1 : 0;
  EXPECT_EQ(stand_in::calls("ncclCommFinalize"), expected);
  EXPECT_EQ(stand_in::calls("ncclCommDestroy"), expected);
  EXPECT_EQ(stand_in::calls("ncclCommAbort"), 0);
}

TEST_F(DeviceTeamTest, BroadcastsFromEveryRoot) {
  const DeviceTeam team = make_team();
  for (int root = 0; root < team.size(); ++root) {
    std::vector<float> values(9, static_cast<float>(team.rank()));
    team.broadcast({reinterpret_cast<std::byte*>(values.data()), 9 * sizeof(float)}, root, stream);
    EXPECT_EQ(values, std::vector<float>(9, static_cast<float>(root)));
  }
  EXPECT_THROW(team.broadcast({nullptr, 0}, team.size(), stream), base::InternalError);
}

TEST_F(DeviceTeamTest, TeamsWorkSideBySide) {
  const int color = all_.rank() % 2;
  std::vector<int> mine;
  for (int rank = color; rank < all_.size(); rank += 2) mine.push_back(rank);
  stand_in::set_team(mine);
  const DeviceTeam team(all_.split(color, 0).with_limit(patient_s), all_.rank());
  std::vector<float> values(3, static_cast<float>(all_.rank()));
  team.all_reduce_sum(span_of(values), stream);
  float expected = 0;
  for (const int rank : mine) expected += static_cast<float>(rank);
  EXPECT_EQ(values, std::vector<float>(3, expected));
}

// --- Gradients -----------------------------------------------------------------------------------------------------

void add_floats(float* sum, const float* addend, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) sum[i] += addend[i];
}

TEST_F(DeviceTeamTest, GradientsAreThoseOfTheHostReducer) {
  {
    const DeviceTeam team = make_team();
    std::mt19937 random(19);  // the same numbers on every rank
    for (const int shard_count : {1, 3, 8}) {
      const int begin = shard_count * team.rank() / team.size();
      const int end = shard_count * (team.rank() + 1) / team.size();
      constexpr std::size_t length = 1001;
      GradientReducer on_device(team, stream, add_floats, {shard_count, begin, end}, length);
      GradientReducer on_host(team.ranks(), GradientReducer::Mode::plain, {shard_count, begin, end}, length);
      for (int step = 0; step < 3; ++step) {
        const test::Shards shards = test::adversarial_shards(shard_count, length, step == 1 ? 0.5 : 0.0, random);
        for (int shard = begin; shard < end; ++shard) {
          if (const auto& gradient = shards[static_cast<std::size_t>(shard)]) {
            on_device.add(shard, *gradient);
            on_host.add(shard, *gradient);
          }
        }
        const auto device_sum = on_device.sum();
        const auto host_sum = on_host.sum();
        for (std::size_t i = 0; i < length; ++i) {
          double magnitude = 0;
          for (const auto& shard : shards) magnitude += shard ? std::abs((*shard)[i]) : 0.0;
          // Each order errs by at most (S − 1) half units in the last place (2⁻²⁴) of the sum of magnitudes; two orders.
          ASSERT_NEAR(device_sum[i], host_sum[i], 2 * (shard_count - 1) * std::ldexp(magnitude, -24)) << step;
        }
        for (const auto& other : all_.all_gather_uneven(device_sum)) {
          EXPECT_EQ(bits(other), bits({device_sum.begin(), device_sum.end()}));
        }
      }
    }
  }
  EXPECT_EQ(stand_in::live_blocks(), 0);
}

TEST_F(DeviceTeamTest, GradientsComeInOrderAndFromTheirRank) {
  const DeviceTeam team = make_team();
  const std::vector<float> two(2), one(1);
  GradientReducer reducer(team, stream, add_floats, {4 * team.size(), 4 * team.rank(), 4 * team.rank() + 4}, 2);
  EXPECT_THROW(reducer.add(4 * team.rank() + 4, two), base::InternalError);
  EXPECT_THROW(reducer.add(4 * team.rank(), one), base::InternalError);
  reducer.add(4 * team.rank() + 1, two);
  EXPECT_THROW(reducer.add(4 * team.rank() + 1, two), base::InternalError);
  EXPECT_ANY_THROW(GradientReducer(team, stream, add_floats, {8 * team.size(), 0, 1}, 2));  // not all shards
}

// --- Deadlines and errors ------------------------------------------------------------------------------------------

constexpr double short_s = 0.6;
constexpr auto long_sleep = std::chrono::milliseconds(2000);  // past the limit, and past rank 0's time to answer

/// A team of which one rank fails in some way: the first of two, the last of more. The others find out by themselves.
class OneRankFails : public DeviceTeamTest {
 protected:
  void SetUp() override {
    NEEDS_TWO_RANKS();
    DeviceTeamTest::SetUp();
    culprit_ = all_.size() == 2 ? 0 : all_.size() - 1;
    is_culprit_ = all_.rank() == culprit_;
  }

  /// The message names the culprit and nobody else.
  void expect_culprit_named(const std::string& message) const {
    EXPECT_THAT(message, HasSubstr(fmt::format("rank {} ", culprit_)));
    for (int other = 0; other < all_.size(); ++other) {
      if (other != culprit_) {
        EXPECT_THAT(message, Not(HasSubstr(fmt::format("rank {} ", other))));
      }
    }
  }

  /// Runs `action`, which throws; NCCL is aborted, once, by the time it has.
  std::string failure_of(const std::function<void()>& action) {
    std::string message;
    EXPECT_LE(seconds_of([&] { message = message_of(action); }), 6.0);  // the limit, two gates more, and a busy machine
    EXPECT_EQ(stand_in::live_communicators(), 0);
    EXPECT_EQ(stand_in::calls("ncclCommFinalize"), 0);
    return message;
  }

  int culprit_ = 0;
  bool is_culprit_ = false;
};

TEST_F(OneRankFails, ByStayingAway) {
  const DeviceTeam team = make_team(short_s);
  if (is_culprit_) {
    std::this_thread::sleep_for(long_sleep);
  } else {
    expect_culprit_named(failure_of([&] { sum(team); }));
    EXPECT_EQ(stand_in::calls("ncclAllReduce"), 0);
    EXPECT_EQ(stand_in::calls("ncclCommAbort"), 1);
    EXPECT_THROW(sum(team), base::InternalError);  // of no further use
  }
}

TEST_F(OneRankFails, ByStayingAwayFromTheStart) {
  if (is_culprit_) {
    const Communicator timed = all_.with_limit(short_s);
    std::this_thread::sleep_for(long_sleep);
  } else {
    expect_culprit_named(failure_of([&] { make_team(short_s); }));
  }
}

// All came to the gate; then one stops, and the data do not come.
TEST_F(OneRankFails, ByStoppingWhileDataMove) {
  const DeviceTeam team = make_team(short_s, [&] {
    if (is_culprit_ && stand_in::calls("ncclAllReduce") > 0) std::this_thread::sleep_for(long_sleep);
  });
  behave({.transfer_s = is_culprit_ ? 0.5 : never});
  if (is_culprit_) {
    message_of([&] { sum(team); });  // whatever it finds when it comes back
  } else {
    expect_culprit_named(failure_of([&] { sum(team); }));
    EXPECT_EQ(stand_in::calls("ncclCommAbort"), 1);
  }
}

TEST_F(OneRankFails, ByItsGpuThatHangs) {
  const DeviceTeam team = make_team(short_s);
  behave({.compute_s = is_culprit_ ? never : 0.0});
  const std::string message = failure_of([&] { sum(team); });
  expect_culprit_named(message);
  EXPECT_THAT(message, HasSubstr("the sum of a test"));
  if (is_culprit_) {
    EXPECT_THAT(message, HasSubstr("the GPU of rank"));
  }
  EXPECT_EQ(stand_in::calls("ncclAllReduce"), 0);
}

TEST_F(OneRankFails, ByAnErrorThatNcclReportsLater) {
  const DeviceTeam team = make_team(short_s);
  behave({.transfer_s = never, .async_error = is_culprit_ ? ncclRemoteError : ncclSuccess});
  const std::string message = failure_of([&] { sum(team); });
  expect_culprit_named(message);
  if (is_culprit_) {
    EXPECT_THAT(message, AllOf(HasSubstr("ncclAllReduce failed"), HasSubstr("remote process exited")));
  }
  EXPECT_EQ(stand_in::calls("ncclCommAbort"), 1);
}

TEST_F(OneRankFails, ByACallThatFails) {
  const DeviceTeam team = make_team(short_s);
  if (is_culprit_) stand_in::behave({.failing_call = "ncclAllReduce"});
  const std::string message = failure_of([&] { sum(team); });
  expect_culprit_named(message);
  if (is_culprit_) {
    EXPECT_THAT(message, AllOf(HasSubstr("unhandled system error"), HasSubstr("lets ncclAllReduce fail")));
  }
}

TEST_F(OneRankFails, ByAnErrorOfItsGpu) {
  const DeviceTeam team = make_team(short_s);
  behave({.transfer_s = is_culprit_ ? 0.1 : never, .stream_error = is_culprit_ ? cudaErrorIllegalAddress : cudaSuccess});
  const std::string message = failure_of([&] { sum(team); });
  expect_culprit_named(message);
  if (is_culprit_) {
    EXPECT_THAT(message, HasSubstr("illegal memory access"));
  }
}

TEST_F(OneRankFails, ByWhatItAttendsTo) {
  struct Stop {};
  const DeviceTeam team = make_team(short_s, [&] {
    if (is_culprit_ && stand_in::calls("ncclAllReduce") > 0) throw Stop();
  });
  behave({.transfer_s = never});
  if (is_culprit_) {
    EXPECT_THROW(sum(team), Stop);
    EXPECT_EQ(stand_in::calls("ncclCommAbort"), 1);
  } else {
    expect_culprit_named(failure_of([&] { sum(team); }));
  }
}

TEST_F(OneRankFails, ToConnect) {
  behave({.failing_call = is_culprit_ ? "ncclCommInitRankConfig" : ""});
  expect_culprit_named(failure_of([&] { make_team(short_s); }));
}

// What fails before NCCL connects is told to all at once.
TEST_F(OneRankFails, ToFindItsGpu) {
  const auto connect = [&](int device) { DeviceTeam(all_.with_limit(patient_s), device); };
  const std::string message = failure_of([&] { connect(is_culprit_ ? 99 : all_.rank()); });
  expect_culprit_named(message);
  EXPECT_THAT(message, HasSubstr("invalid device ordinal"));
}

TEST_F(OneRankFails, ForAnOlderNccl) {
  behave({.version = is_culprit_ ? 21805 : NCCL_VERSION_CODE});
  const std::string message = failure_of([&] { make_team(); });
  expect_culprit_named(message);
  EXPECT_THAT(message, HasSubstr("NCCL 2.18.5 is loaded"));
}

TEST_F(DeviceTeamTest, TellsAllThatThereIsNoId) {
  NEEDS_TWO_RANKS();
  behave({.failing_call = "ncclGetUniqueId"});
  EXPECT_THAT(message_of([&] { make_team(); }), HasSubstr("ncclGetUniqueId failed (rank 0 on "));
}

TEST_F(DeviceTeamTest, RefusesTwoRanksOnOneGpu) {
  NEEDS_TWO_RANKS();
  EXPECT_THAT(message_of([&] { DeviceTeam(all_.with_limit(patient_s), 3); }), HasSubstr("Duplicate GPU detected"));
}

TEST_F(DeviceTeamTest, BlamesTheNetworkWhenAllAreThere) {
  NEEDS_TWO_RANKS();
  const DeviceTeam team = make_team(short_s);
  behave({.transfer_s = never});
  const std::string message = message_of([&] { sum(team); });
  EXPECT_THAT(message, AllOf(HasSubstr("the data of the sum of a test did not move"), HasSubstr("all ranks are there")));
  EXPECT_EQ(stand_in::calls("ncclCommAbort"), 1);
}

TEST_F(DeviceTeamTest, GivesUpAConnectionThatNeverStands) {
  NEEDS_TWO_RANKS();
  behave({.connect_s = never});
  EXPECT_THAT(message_of([&] { make_team(short_s); }), HasSubstr("did not move within 0.6 s"));
  EXPECT_EQ(stand_in::calls("ncclCommAbort"), 1);
}

TEST_F(DeviceTeamTest, AbortsWhatDoesNotEndInOrder) {
  NEEDS_TWO_RANKS();
  {
    const DeviceTeam team = make_team(short_s);
    sum(team);
    behave({.finalize_s = never});
  }
  EXPECT_EQ(stand_in::calls("ncclCommFinalize"), 1);
  EXPECT_EQ(stand_in::calls("ncclCommAbort"), 1);
}

TEST_F(DeviceTeamTest, AnExceptionAbortsAndDoesNotWait) {
  NEEDS_TWO_RANKS();
  try {
    const DeviceTeam team = make_team();
    throw 1;
  } catch (int) {
  }
  EXPECT_EQ(stand_in::calls("ncclCommFinalize"), 0);
  EXPECT_EQ(stand_in::calls("ncclCommAbort"), 1);
}

TEST_F(DeviceTeamTest, AFailedSumOfGradientsEndsTheReducer) {
  NEEDS_TWO_RANKS();
  const DeviceTeam team = make_team(short_s);
  GradientReducer reducer(team, stream, add_floats, {team.size(), team.rank(), team.rank() + 1}, 3);
  behave({.transfer_s = never});
  reducer.add(team.rank(), std::vector<float>(3));
  EXPECT_THAT(message_of([&] { reducer.sum(); }), HasSubstr("the data of the sum of gradients"));
  EXPECT_THROW(reducer.sum(), base::InternalError);
}

// The stand-in does notice what it is there to notice.
TEST_F(DeviceTeamTest, TheStandInForbids) {
  NEEDS_TWO_RANKS();
  ncclUniqueId id{};
  if (all_.rank() == 0) ncclGetUniqueId(&id);
  all_.broadcast(std::span(&id, 1), 0);
  cudaSetDevice(all_.rank());
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  ncclComm_t comm = nullptr;
  ncclCommInitRankConfig(&comm, all_.size(), id, all_.rank(), &config);  // blocking: not set
  float value = 1;
  EXPECT_EQ(ncclAllReduce(&value, &value, 1, ncclFloat32, ncclSum, comm, nullptr), ncclInvalidArgument);  // in progress
  ncclCommDestroy(comm);                                                                                  // not finalised
  ncclCommAbort(comm);                                                                                    // gone
  EXPECT_EQ(stand_in::violations().size(), 4U);
  stand_in::behave({});
}

}  // namespace
}  // namespace layersweep::comm
