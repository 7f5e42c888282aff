// Units over teams, with a training that only counts: what fails, stops or reports where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <map>
#include <new>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "base/stop_request.hpp"
#include "comm/communicator.hpp"
#include "sweep/device_memory.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"
#include "sweep/unit_teams.hpp"

namespace layersweep::sweep {
namespace {

using testing::HasSubstr;

constexpr int steps = 5;
constexpr double limit_s = 30;  // of a step

// What rank 0 was told, and how often each unit was trained by this rank as the first of its team.
struct Log {
  std::map<std::size_t, int> started, reports;
  std::map<std::size_t, std::string> failures;
  std::vector<std::int64_t> trained;
};

using AtStep = std::function<void(const comm::Communicator& team, std::size_t unit, int step)>;

UnitCallbacks counting_work(Log& log, std::size_t units, const AtStep& at_step) {
  log.trained.assign(units, 0);
  UnitCallbacks work;
  work.train = [&log, at_step](const comm::Communicator& team, std::size_t unit, const TeamHooks& hooks) {
    const comm::Communicator timed = team.with_limit(limit_s, hooks.poll_messages);
    for (int step = 0; step < steps; ++step) {
      at_step(team, unit, step);
      timed.gate("a step");
      hooks.report("progress of unit " + std::to_string(unit));
      hooks.poll_messages();
    }
    if (team.rank() == 0) ++log.trained[unit];
  };
  work.on_start = [&log](std::size_t unit, int, int) { ++log.started[unit]; };
  work.on_report = [&log](std::size_t unit, const nlohmann::json& text) {
    EXPECT_EQ(text, "progress of unit " + std::to_string(unit));
    ++log.reports[unit];
  };
  work.on_failure = [&log](std::size_t unit, const std::string& reason) { log.failures[unit] = reason; };
  return work;
}

void nothing(const comm::Communicator&, std::size_t, int) {}

// Teams of several ranks gain little, so that there are several teams; or much, so that there is one.
double many_teams(std::size_t unit, int ranks) { return static_cast<double>(1 + unit) * (0.8 + 0.2 / ranks); }
double one_team(std::size_t unit, int ranks) { return static_cast<double>(1 + unit) / ranks; }

void expect_each_trained_once(const std::vector<UnitOutcome>& ends, Log& log) {
  const comm::Communicator world = comm::world();
  for (const UnitOutcome& end : ends) EXPECT_EQ(end.state, UnitOutcome::State::done) << end.reason;
  world.all_reduce_sum(std::span(log.trained));
  EXPECT_EQ(log.trained, std::vector<std::int64_t>(ends.size(), 1));
  if (world.rank() != 0) return;
  for (std::size_t unit = 0; unit < ends.size(); ++unit) {
    EXPECT_EQ(log.started[unit], 1);
    EXPECT_EQ(log.reports[unit], steps);
  }
  EXPECT_TRUE(log.failures.empty());
}

TEST(TrainOnTeams, TrainsEveryUnitOnce) {
  for (const auto& seconds : {many_teams, one_team}) {
    for (const std::size_t units : {1U, 2U, 7U}) {
      Log log;
      const UnitCallbacks work = counting_work(log, units, nothing);
      const auto ends = train_on_teams(comm::world(), units, {8}, seconds, work);
      ASSERT_EQ(ends.size(), units);
      expect_each_trained_once(ends, log);
    }
  }
}

// The last rank of whichever team trains unit 2 fails, while the others of the team wait for it.
template <class Failure>
void expect_one_failure(const plan::UnitSeconds& seconds, const Failure& failure, const char* reason) {
  Log log;
  const std::size_t units = 5;
  const UnitCallbacks work = counting_work(log, units, [&](const comm::Communicator& team, std::size_t unit, int step) {
    if (unit == 2 && step == 1 && team.rank() == team.size() - 1) throw failure;
  });
  const auto start = std::chrono::steady_clock::now();
  const auto ends = train_on_teams(comm::world(), units, {8}, seconds, work);
  // The others of the team are told, they need not wait for the limit.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::duration<double>(0.5 * limit_s));
  ASSERT_EQ(ends.size(), units);
  comm::world().all_reduce_sum(std::span(log.trained));
  for (std::size_t unit = 0; unit < units; ++unit) {
    EXPECT_EQ(ends[unit].state, unit == 2 ? UnitOutcome::State::failed : UnitOutcome::State::done) << unit;
    EXPECT_EQ(log.trained[unit], unit == 2 ? 0 : 1) << unit;
  }
  EXPECT_THAT(ends[2].reason, HasSubstr(reason));
  EXPECT_THAT(ends[2].reason, HasSubstr("[rank "));
  if (comm::world().rank() == 0) {
    EXPECT_EQ(log.failures.size(), 1U);
    EXPECT_EQ(log.failures[2], ends[2].reason);
  }
}

TEST(TrainOnTeams, AFailedUnitOfSmallTeamsDoesNotKeepTheOthers) {
  expect_one_failure(many_teams, std::bad_alloc(), "memory ran out");
}

TEST(TrainOnTeams, AFailedUnitOfOneTeamDoesNotKeepTheOthers) {
  expect_one_failure(one_team, std::bad_alloc(), "memory ran out");
}

TEST(TrainOnTeams, AFullGpuFailsItsUnitOnly) {
  const OutOfDeviceMemory failure("the memory of the GPU does not suffice", "asked for 3 GiB", "Lower run.token_budget");
  expect_one_failure(many_teams, failure, "Lower run.token_budget");
  expect_one_failure(one_team, failure, "Lower run.token_budget");
}

TEST(TrainOnTeams, AllMayFail) {
  Log log;
  const UnitCallbacks work = counting_work(log, 3, [](const comm::Communicator&, std::size_t unit, int) {
    throw std::runtime_error("no unit " + std::to_string(unit));
  });
  const auto ends = train_on_teams(comm::world(), 3, {8}, many_teams, work);
  for (std::size_t unit = 0; unit < 3; ++unit) {
    EXPECT_EQ(ends[unit].state, UnitOutcome::State::failed);
    EXPECT_THAT(ends[unit].reason, HasSubstr("no unit " + std::to_string(unit)));
  }
}

// One rank of one team is asked to stop: every team stops between two steps, and all ranks tell.
TEST(TrainOnTeams, AStopOfOneTeamStopsAll) {
  for (const auto& seconds : {many_teams, one_team}) {
    base::note_stop_signals();
    Log log;
    const int last = comm::world().size() - 1;
    bool raised = false;
    const UnitCallbacks work = counting_work(log, 64, [&](const comm::Communicator& team, std::size_t, int step) {
      if (step == 3 && comm::world().rank() == last && !raised) {
        raised = true;
        std::raise(SIGTERM);
      }
      const double asked = team.all_reduce_max(base::noted_stop_signal() != 0 ? 1.0 : 0.0);
      if (asked > 0) throw Stopped("SIGTERM");
    });
    try {
      train_on_teams(comm::world(), 64, {8}, seconds, work);
      ADD_FAILURE() << "nothing was thrown";
    } catch (const Stopped& stopped) {
      EXPECT_STREQ(stopped.what(), "SIGTERM");
    }
    comm::world().all_reduce_sum(std::span(log.trained));
    for (const std::int64_t times : log.trained) EXPECT_LE(times, 1);
    comm::world().barrier();
  }
  base::note_stop_signals();  // forget it
}

// Nobody waits at a gate for a team of one rank: rank 0 misses its signs of life, and the others then miss rank 0's.
TEST(TrainOnTeams, ATeamThatStandsStillIsNamed) {
  const comm::Communicator world = comm::world().with_limit(1.0);
  if (world.size() == 1) GTEST_SKIP() << "needs two ranks";
  const int last = world.size() - 1;
  Log log;
  const UnitCallbacks work = counting_work(log, 8, [&](const comm::Communicator&, std::size_t, int step) {
    std::this_thread::sleep_for(std::chrono::milliseconds(world.rank() == last && step == 1 ? 6000 : 50));
  });
  const auto start = base::Clock::now();
  try {
    train_on_teams(world, 8, {1}, many_teams, work);
    ADD_FAILURE() << "nothing was thrown";
  } catch (const base::InputError& error) {
    if (world.rank() == 0) {
      EXPECT_THAT(error.what(), HasSubstr(fmt::format("rank {} (", last)));
      EXPECT_LT(base::seconds_since(start), 5);
    }
  }
  comm::world().barrier();
}

// Between two looks at its messages a rank may take longer when it has told so before.
TEST(TrainOnTeams, AnAnnouncedSilenceIsNoStandstill) {
  const comm::Communicator world = comm::world().with_limit(1.0);
  Log log;
  UnitCallbacks work = counting_work(log, 4, nothing);
  const auto train = work.train;
  work.train = [&](const comm::Communicator& team, std::size_t unit, const TeamHooks& hooks) {
    if (unit == 3) {
      hooks.announce_silence(60);
      std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    }
    train(team, unit, hooks);
  };
  expect_each_trained_once(train_on_teams(world, 4, {1}, many_teams, work), log);
}

// What the user must mend ends the job.
TEST(TrainOnTeams, AnInputErrorIsNoFailureOfAUnit) {
  if (comm::world().size() > 1) GTEST_SKIP() << "on several ranks it ends the job";
  Log log;
  const UnitCallbacks work =
      counting_work(log, 2, [](const comm::Communicator&, std::size_t, int) { throw base::InputError("no space left"); });
  EXPECT_THROW(train_on_teams(comm::world(), 2, {8}, many_teams, work), base::InputError);
}

}  // namespace
}  // namespace layersweep::sweep
