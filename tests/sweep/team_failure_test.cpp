// A rank that fails between two meetings of its team: the others learn of it while they wait, whatever they wait for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <new>
#include <nlohmann/json.hpp>

#include "sweep/replacements.hpp"
#include "sweep/support.hpp"
#include "sweep/unit_teams.hpp"

namespace layersweep::sweep {
namespace {

double one_team(std::size_t, int ranks) { return 1.0 / ranks; }

// Between the sum of the last step and the validation behind it, on one rank after the other.
TEST(TeamFailure, BetweenASumAndTheNextEvaluationEndsTheUnit) {
  const auto model = test::small_counting_model();
  const data::Corpus train = data::counting_corpus(1, terms::Split::train).first(40);
  const data::Corpus dev = data::counting_corpus(1, terms::Split::dev).first(20);
  config::Probe settings;
  settings.batch = 16;
  settings.max_steps = 2;
  settings.validate_every = 2;
  settings.calibrate = false;
  const plan::Unit unit{terms::Mode::hidden, {1}};
  for (int failing = 0; failing < comm::world().size(); ++failing) {
    UnitCallbacks work;
    work.train = [&](const comm::Communicator& ranks, std::size_t, const TeamHooks& hooks) {
      const Ranks team(ranks.with_limit(60, hooks.poll_messages));
      const auto replacements = starting_replacements(team, *model, train, config::Replacement::mean);
      train_unit(team, {*model, train, dev, unit, settings, 1 << 20, replacements},
                 [&](const Progress& progress) {
                   if (progress.step == 2 && ranks.rank() == failing) throw std::bad_alloc();
                 },
                 {});
    };
    work.on_start = [](std::size_t, int, int) {};
    work.on_report = [](std::size_t, const nlohmann::json&) {};
    work.on_failure = [](std::size_t, const std::string&) {};
    const auto start = std::chrono::steady_clock::now();
    const auto ends = train_on_teams(comm::world(), 1, {8}, one_team, work);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
    ASSERT_EQ(ends.size(), 1U);
    EXPECT_EQ(ends[0].state, UnitOutcome::State::failed) << failing;
    EXPECT_THAT(ends[0].reason, testing::HasSubstr("memory ran out"));
  }
}

}  // namespace
}  // namespace layersweep::sweep
