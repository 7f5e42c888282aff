// A rank that stays away is named by the others, within the limit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/error.hpp"
#include "comm/communicator.hpp"
#include "comm/gradient_reducer.hpp"
#include "comm/outcome.hpp"

namespace layersweep::comm {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Gate, SumsOverAllRanks) {
  const Communicator team = world().with_limit(30);
  std::vector<float> floats(1000, static_cast<float>(team.rank() + 1));
  std::vector<double> doubles(3, team.rank() + 1);
  for (int step = 0; step < 20; ++step) {
    team.all_reduce_sum(std::span(floats));
    team.all_reduce_sum(std::span(doubles));
    const int expected = team.size() * (team.size() + 1) / 2;
    EXPECT_EQ(floats, std::vector<float>(1000, static_cast<float>(expected)));
    EXPECT_EQ(doubles, std::vector<double>(3, expected));
    std::ranges::fill(floats, static_cast<float>(team.rank() + 1));
    std::ranges::fill(doubles, team.rank() + 1);
  }
}

TEST(Gate, WaitsForALateRank) {
  const Communicator team = world().with_limit(30);
  if (team.rank() == team.size() - 1) std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_NO_THROW(team.gate("a test"));
}

// `absent` sleeps through the gate that the others give up at.
void expect_named(int absent, double own_limit_s) {
  const Communicator all = world();
  if (all.size() == 1) GTEST_SKIP() << "needs two ranks";
  const Communicator team = all.with_limit(all.rank() == all.size() - 1 || all.size() == 2 ? 1.0 : own_limit_s);
  if (all.rank() == absent) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  } else {
    std::string message;
    std::vector<float> values(4, 1.0F);
    const double took_s = seconds_of([&] { message = message_of([&] { team.all_reduce_sum(std::span(values)); }); });
    EXPECT_THAT(message, HasSubstr("rank " + std::to_string(absent) + " ("));
    for (int present = 0; present < all.size(); ++present) {
      if (present == absent) continue;
      EXPECT_THAT(message, Not(HasSubstr("rank " + std::to_string(present) + " (")));
    }
    EXPECT_GE(took_s, 0.9);
    EXPECT_LE(took_s, 2.4);  // limit, then as long again when rank 0 does not answer; and a busy machine
    EXPECT_EQ(values, std::vector<float>(4, 1.0F));
  }
  all.barrier();
}

// Rank 0 works for twice the limit of the others, which is long enough for a busy machine.
TEST(Gate, WaitsForARankZeroThatGivesSignsOfLife) {
  const Communicator team = world().with_limit(2);
  for (int work = 0; team.rank() == 0 && work < 40; ++work) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    team.give_sign_of_life();
  }
  EXPECT_EQ(team.all_reduce_sum(1.0), team.size());
  world().barrier();
}

TEST(Gate, NamesTheMissingRank) { expect_named(world().size() == 2 ? 1 : 2, 1.0); }

TEST(Gate, NamesRankZeroWhenItIsSilent) { expect_named(0, 1.0); }

// Only the last rank is impatient: rank 0 tells it, and all others, who is missing.
TEST(Gate, TheShortestLimitCounts) {
  if (world().size() < 4) GTEST_SKIP() << "needs four ranks";
  expect_named(1, 20.0);
}

// Those who gave up left their arrival to rank 0, which never took it; the next team of these ranks is another one.
TEST(Gate, WhatAFailedTeamLeavesBehindOpensNoOtherGate) {
  const Communicator all = world();
  if (all.size() == 1) GTEST_SKIP() << "needs two ranks";
  {
    const Communicator team = all.with_limit(0.3);
    if (all.rank() == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1000));
    } else {
      EXPECT_THAT(message_of([&] { team.gate("a test"); }), HasSubstr("rank 0 ("));
    }
  }
  all.barrier();
  const Communicator next = all.with_limit(30);
  if (all.rank() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const double took_s = seconds_of([&] { next.gate("a test"); });
  if (all.rank() == 0) {
    EXPECT_GE(took_s, 0.25);
  }
}

// Whoever calls something else would hang, or take the others' data for its own.
TEST(Gate, TellsOfDifferentCollectives) {
  const Communicator all = world();
  if (all.size() == 1) GTEST_SKIP() << "needs two ranks";
  const bool last = all.rank() == all.size() - 1;
  const auto another = [&](const Communicator& team) { last ? team.barrier() : static_cast<void>(team.all_gather(1)); };
  EXPECT_THROW(another(all.duplicate()), base::InternalError);
  std::vector<float> values(last ? 3 : 2);
  EXPECT_THROW(all.duplicate().all_reduce_sum(std::span(values)), base::InternalError);
  EXPECT_THROW(all.duplicate().broadcast(std::span(values), 0), base::InternalError);
  EXPECT_NO_THROW(all.barrier());
}

TEST(Gate, AFailedSumOfGradientsEndsTheReducer) {
  const Communicator all = world();
  if (all.size() == 1) GTEST_SKIP() << "needs two ranks";
  const Communicator team = all.with_limit(0.5);
  GradientReducer reducer(team, GradientReducer::Mode::deterministic, {all.size(), all.rank(), all.rank() + 1}, 3);
  if (all.rank() == all.size() - 1) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  } else {
    reducer.add(all.rank(), std::vector<float>(3));
    EXPECT_THAT(message_of([&] { reducer.sum(); }), HasSubstr("rank " + std::to_string(all.size() - 1)));
    EXPECT_THROW(reducer.sum(), base::InternalError);
  }
  all.barrier();
}

}  // namespace
}  // namespace layersweep::comm
