// Points shared out over groups of ranks: the gradients of a step, masks and searches of the same weights as on one rank,
// and trainings that are stopped, go on, and may change their layout.
#include <csignal>

#include "base/stop_request.hpp"
#include "model/bert.hpp"
#include "sweep/calibrate.hpp"
#include "sweep/grouped_training.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"

namespace layersweep {
namespace {

using probe::PointRange;
using sweep::Ranks;
using terms::Mode;
using test::Reduction;

test::Subject counting() {
  return {"counting", test::small_counting_model(), data::counting_corpus(0, terms::Split::train).first(120),
          data::counting_corpus(0, terms::Split::dev).first(50)};
}

test::Subject tiny_bert() {
  model::TransformerModel model = test::read_bert(test::encoder_fixtures() / "tiny-bert");
  const std::int64_t vocabulary = model.spec.vocabulary;
  return {"bert", model::make_transformer(model.spec, model.weights, 4), test::random_texts(120, vocabulary, 1),
          test::random_texts(50, vocabulary, 2)};
}

// All ranks of the job in `groups` groups of about as many points.
Ranks grouped(int groups, std::int64_t points, Reduction reduction) {
  const auto border = [&](int group) { return static_cast<int>(points * group / groups); };
  std::vector<PointRange> ranges;
  for (int g = 0; g < groups; ++g) ranges.push_back({border(g), border(g + 1)});
  return test::all_ranks_in_groups(ranges, reduction);
}

// 1 group of all ranks, groups of one rank, and what lies between.
std::vector<int> divisions(std::int64_t points) {
  std::vector<int> result;
  for (int groups = 1; groups <= std::min<std::int64_t>(points, comm::world().size()); ++groups) {
    if (comm::world().size() % groups == 0) result.push_back(groups);
  }
  return result;
}

class PointGroups : public testing::TestWithParam<std::tuple<Mode, bool>>, protected test::GroupedTraining {
 protected:
  PointGroups() : GroupedTraining(std::get<1>(GetParam()) ? tiny_bert() : counting(), std::get<0>(GetParam()), {1, 2}) {}
};

INSTANTIATE_TEST_SUITE_P(Modes, PointGroups, testing::Combine(testing::Values(Mode::input, Mode::hidden), testing::Bool()),
                         [](const auto& instance) {
                           return std::string(terms::name_of(std::get<0>(instance.param))) +
                                  (std::get<1>(instance.param) ? "Bert" : "Counting");
                         });

TEST_P(PointGroups, AStepGivesTheGradientsOfOneRank) {
  for (const bool all : {true, false}) {
    if (!all) active_[0][1] = false;
    const at::Tensor alone = step(test::this_rank(Reduction::deterministic));
    EXPECT_GT(alone.abs().max().item<double>(), 1e-3);
    for (const Reduction reduction : {Reduction::deterministic, Reduction::plain}) {
      for (const int groups : divisions(points())) {
        const at::Tensor together = step(grouped(groups, points(), reduction));
        const double off = ((together - alone).abs().max() / alone.abs().max()).item<double>();
        EXPECT_LT(off, test::gradient_tolerance) << groups << " groups";
      }
    }
  }
}

TEST_P(PointGroups, TheSameWeightsGiveTheSameMasks) {
  const auto scores = [&](const Ranks& team) { return evaluator(team).cells(parameters_, active_); };
  const auto phi = [&](const Ranks& team) { return evaluator(team).gate_logits(parameters_); };
  active_[1][0] = false;
  const Ranks alone_team = test::this_rank(Reduction::deterministic);
  const auto alone = scores(alone_team);
  for (const int groups : divisions(points())) {
    const Ranks team = grouped(groups, points(), Reduction::deterministic);
    EXPECT_TRUE(at::allclose(phi(team), phi(alone_team), 1e-5, 1e-5));
    const auto together = scores(team);
    for (std::int64_t p = 0; p < points(); ++p) {
      for (std::int64_t s = 0; s < 2; ++s) {
        const sweep::Score &a = sweep::at_cell(alone, p, s), &b = sweep::at_cell(together, p, s);
        EXPECT_EQ(std::isnan(a.kl), std::isnan(b.kl));
        EXPECT_EQ(a.keep_share, b.keep_share) << "hard masks of gates clear of one half";
        if (std::isnan(a.kl)) continue;
        EXPECT_NEAR(a.kl, b.kl, 1e-5 + 1e-4 * a.kl);
        EXPECT_EQ(a.flips, b.flips);
      }
    }
  }
}

TEST_P(PointGroups, AShortTrainingAgreesAndEveryRankHasTheSame) {
  settings_.calibrate = false;
  settings_.max_steps = 3;
  const sweep::TrainedUnit alone = train(test::this_rank(Reduction::deterministic));
  for (const int groups : divisions(points())) {
    const sweep::TrainedUnit unit = train(grouped(groups, points(), Reduction::deterministic));
    EXPECT_TRUE(at::allclose(unit.alpha, alone.alpha, 1e-4));
    // An entry whose gradient is nothing but rounding may move otherwise.
    const at::Tensor off = (unit.parameters - alone.parameters).abs().gt(1e-5 + 1e-3 * alone.parameters.abs());
    EXPECT_LT(off.to(at::kDouble).mean().item<double>(), 0.02) << groups << " groups";
    EXPECT_TRUE(test::is_everywhere_the_same(unit.parameters));
  }
}

// What follows the training: the search for each gate's bias, and for random masks that do as little harm.
TEST_P(PointGroups, SearchesOnTheSameWeightsEndAlike) {
  struct Found {
    at::Tensor calibrated;
    sweep::CellTable<sweep::Score> scores;
    sweep::CellTable<double> random_shares;
  };
  const auto search = [&](const Ranks& team) {
    Found found{parameters_.clone(), {}, {}};
    const sweep::Evaluator dev = evaluator(team);
    sweep::calibrate(dev, found.calibrated, {0.02, 0.15});
    found.scores = dev.cells(found.calibrated, active_);
    found.random_shares = sweep::random_keep_shares(dev, found.calibrated, found.scores);
    return found;
  };
  const Found alone = search(test::this_rank(Reduction::deterministic));
  EXPECT_GT((alone.calibrated - parameters_).abs().max().item<double>(), 0.1) << "something to calibrate";
  for (const int groups : divisions(points())) {
    const Found together = search(grouped(groups, points(), Reduction::deterministic));
    EXPECT_TRUE(at::allclose(together.calibrated, alone.calibrated, 1e-5, 1e-4)) << groups << " groups";
    for (std::int64_t p = 0; p < points(); ++p) {
      for (std::int64_t s = 0; s < 2; ++s) {
        if (sweep::at_cell(alone.scores, p, s).kl < 1e-5) continue;  // which share does no more harm is then rounding
        EXPECT_NEAR(sweep::at_cell(together.random_shares, p, s), sweep::at_cell(alone.random_shares, p, s), 1e-6);
      }
    }
  }
}

// With everything that follows it.
TEST_P(PointGroups, ACalibratedTrainingEndsAcceptedAndTheSameEverywhere) {
  settings_.epsilon = 0.02;
  const sweep::TrainedUnit unit = train(grouped(divisions(points()).back(), points(), Reduction::plain));
  const Ranks alone = test::this_rank(Reduction::deterministic);
  const auto scores = evaluator(alone).cells(unit.parameters, active_);
  for (std::int64_t p = 0; p < points(); ++p) {
    for (std::int64_t s = 0; s < 2; ++s) {
      EXPECT_TRUE(sweep::is_accepted(sweep::at_cell(scores, p, s), {settings_.epsilon, settings_.flip_limit}));
    }
  }
  EXPECT_TRUE(test::is_everywhere_the_same(unit.parameters));
}

// The lowest point of the last group overflows the model for one seed: all ranks drop the same cells.
TEST_P(PointGroups, WhatIsNotFiniteCostsOnlyItsCell) {
  settings_.calibrate = false;
  const Ranks team = grouped(divisions(points()).back(), points(), Reduction::deterministic);
  const PointRange last = team.sharing().point_groups.back();
  const test::OneCopyBreaks breaking(*subject_.model, 2 * last.size(), 0);
  if (team.my_group() == team.groups() - 1) {
    broken_ = &breaking;
  }
  const sweep::TrainedUnit trained = train(team);
  for (int p = 0; p < static_cast<int>(points()); ++p) {
    for (std::int64_t s = 0; s < 2; ++s) {
      const bool hit = s == 0 && (mode() == Mode::input || p == last.first);
      EXPECT_EQ(sweep::at_cell(trained.status, p, s) == terms::Status::not_finite, hit) << p << " " << s;
      EXPECT_EQ(trained.steps[p][s].item<std::int64_t>(), hit ? 0 : settings_.max_steps);
    }
  }
  EXPECT_TRUE(at::isfinite(trained.parameters).all().item<bool>());
  EXPECT_TRUE(test::is_everywhere_the_same(trained.parameters));
}

// Stopped by the last rank and gone on in the same layout: the same bits. Another layout goes on as well, from the same
// state.
TEST_P(PointGroups, AStoppedTrainingEndsInTheSameBits) {
  settings_.calibrate = false;
  settings_.max_steps = 12;
  base::note_stop_signals();
  const Ranks team = grouped(divisions(points()).back(), points(), Reduction::deterministic);
  const sweep::TrainedUnit whole = train(team);

  const test::SharedFolder folder;
  const sweep::CheckpointSettings place{folder.path() / "u", "abc", 300};
  const sweep::CheckpointSettings copy{folder.path() / "copy", "abc", 300};
  const auto signal = [&](const sweep::Progress& now) {
    if (now.step == 10 && team.rank() == team.size() - 1) std::raise(SIGUSR1);
  };
  EXPECT_THROW(train(team, place, signal), sweep::Stopped);
  base::note_stop_signals();
  if (comm::world().rank() == 0) std::filesystem::copy(place.folder, copy.folder, std::filesystem::copy_options::recursive);
  comm::world().barrier();
  test::expect_same(train(team, place), whole);
  EXPECT_TRUE(at::allclose(train(test::all_ranks(Reduction::deterministic), copy).alpha, whole.alpha, 1e-2, 1e-2));
}

}  // namespace
}  // namespace layersweep
