// Laws of the calibration: accepted wherever that is possible, no token more than needed, nested, the same on all ranks.
#include "sweep/calibrate.hpp"

#include "probe/evaluate.hpp"
#include "probe/parameters.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/replacements.hpp"
#include "sweep/support.hpp"

namespace layersweep {
namespace {

using sweep::KeepShareSearch;
using terms::Mode;
using test::Reduction;

TEST(KeepShareSearch, EndsJustAboveTheSmallestAcceptableShare) {
  for (const double most : {0.3, 1.0}) {
    for (double guess = 0; guess <= most; guess += 0.05) {
      for (double limit = 0.01; limit < most; limit += 0.013) {
        KeepShareSearch search(guess, most);
        int asked = 0;
        for (; !search.finished(); ++asked) {
          EXPECT_GT(search.next(), 0);
          EXPECT_LT(search.next(), most);
          search.tell(search.next() >= limit);
        }
        EXPECT_GE(search.best(), limit);
        EXPECT_LE(search.best() - limit, std::max(0.005, 0.03 * search.best())) << guess << " " << limit;
        EXPECT_LE(asked, 16);
      }
    }
  }
}

TEST(KeepShareSearch, UsesWhatIsKnownOfTheGuess) {
  for (double limit = 0.05; limit < 0.9; limit += 0.013) {
    for (const double distance : {0.004, 0.03, 0.2}) {
      KeepShareSearch up(std::max(0.0, limit - distance), 1.0, KeepShareSearch::Known::guess_fails);
      KeepShareSearch down(limit + distance, 1.0, KeepShareSearch::Known::guess_suffices);
      for (KeepShareSearch* search : {&up, &down}) {
        while (!search->finished()) {
          EXPECT_GT(search->next(), search == &up ? limit - distance : 0.0);
          EXPECT_LT(search->next(), search == &up ? 1.0 : limit + distance);
          search->tell(search->next() >= limit);
        }
        EXPECT_GE(search->best(), limit);
        EXPECT_LE(search->best() - limit, std::max(0.005, 0.03 * search->best()));
      }
    }
  }
}

TEST(KeepShareSearch, AGuessThatSufficesAndHasNothingToGainIsLeftQuickly) {
  KeepShareSearch search(0.4, 1.0, KeepShareSearch::Known::guess_suffices);
  int asked = 0;
  for (; !search.finished(); ++asked) search.tell(false);
  EXPECT_EQ(search.best(), 0.4);
  EXPECT_EQ(asked, 1);
}

TEST(KeepShareSearch, ThatNothingElseSufficesIsFoundQuickly) {
  KeepShareSearch search(0.4, 1.0);
  int asked = 0;
  for (; !search.finished(); ++asked) search.tell(false);
  EXPECT_EQ(search.best(), 1.0);
  EXPECT_LE(asked, 14);
}

class Calibrated : public testing::TestWithParam<Mode> {
 protected:
  // Gates that differ between tokens, some trained to keep too much, some too little.
  void SetUp() override {
    const auto start = sweep::starting_replacements(team_, *model_, dev_, config::Replacement::mean);
    const std::vector<std::uint64_t> seeds{1, 2, 3};
    before_ = probe::initial_parameters(layout_, seeds, start);
    for (int p = 0; p < static_cast<int>(layout_.points()); ++p) {
      for (std::int64_t s = 0; s < layout_.seeds(); ++s) {
        for (const auto& [name, values] : layout_.cell(before_, p, s)) {
          if (name == "second.g") values.mul_(3.0);
          if (name == "gate.bias") values.fill_(p == 0 ? 2.0 : static_cast<double>(3 * (s - 1)));
        }
      }
    }
    after_ = before_.clone();
  }

  void calibrate(const sweep::Ranks& team, const at::Tensor& parameters) {
    sweep::calibrate({team, *model_, dev_, layout_, 400}, parameters, constraint_);
  }
  std::vector<std::vector<sweep::Score>> scores(const at::Tensor& parameters) {
    const at::Tensor all = at::ones({layout_.points(), layout_.seeds()}, at::kBool);
    return evaluator_.cells(parameters, all);
  }

  const sweep::Constraint constraint_{0.02, 0.15};
  const sweep::Ranks team_ = test::this_rank(Reduction::deterministic);
  const std::unique_ptr<model::Model> model_ = test::small_counting_model();
  const data::Corpus dev_ = data::counting_corpus(0, terms::Split::dev).first(120);
  const probe::ProbeLayout layout_{GetParam(), probe::widths_of(*model_), 3};
  const sweep::Evaluator evaluator_{team_, *model_, dev_, layout_, 400};
  at::Tensor before_;
  at::Tensor after_;
};

INSTANTIATE_TEST_SUITE_P(Modes, Calibrated, testing::Values(Mode::input, Mode::hidden),
                         [](const auto& instance) { return std::string(terms::name_of(instance.param)); });

TEST_P(Calibrated, EveryProbeEndsAcceptedAndSomeDropTokens) {
  calibrate(team_, after_);
  int dropping = 0;
  for (const auto& seeds : scores(after_)) {
    for (const auto& score : seeds) {
      EXPECT_TRUE(sweep::is_accepted(score, constraint_)) << score.kl << " " << score.flips;
      dropping += score.keep_share < 0.95 ? 1 : 0;
    }
  }
  EXPECT_GT(dropping, 0);
}

TEST_P(Calibrated, OnlyTheBiasMoves) {
  calibrate(team_, after_);
  for (int p = 0; p < static_cast<int>(layout_.points()); ++p) {
    for (std::int64_t s = 0; s < layout_.seeds(); ++s) {
      const auto was = layout_.cell(before_, p, s);
      const auto is = layout_.cell(after_, p, s);
      for (std::size_t i = 0; i < was.size(); ++i) {
        if (was[i].first == "gate.bias") continue;
        EXPECT_TRUE(was[i].second.equal(is[i].second)) << was[i].first;
      }
    }
  }
}

// What was calibrated is at the constraint already: doing it again keeps no more, and less only by the resolution.
TEST_P(Calibrated, IsAFixedPoint) {
  calibrate(team_, after_);
  const auto once = scores(after_);
  calibrate(team_, after_);
  const auto twice = scores(after_);
  // In input mode a lower point that moves by its resolution moves those above.
  const double resolution = GetParam() == Mode::hidden ? 0.03 : 0.1;
  for (std::size_t p = 0; p < once.size(); ++p) {
    for (std::size_t s = 0; s < once[p].size(); ++s)
      EXPECT_NEAR(twice[p][s].keep_share, once[p][s].keep_share, resolution) << p << " " << s;
  }
}

// Random masks are judged by the same figures: at the share found they do no more harm, a little below it more.
TEST_P(Calibrated, RandomMasksNeedTheShareThatIsFound) {
  calibrate(team_, after_);
  const auto own = scores(after_);
  const auto shares = sweep::random_keep_shares(evaluator_, after_, own);
  const at::Tensor all = at::ones({layout_.points(), layout_.seeds()}, at::kBool);
  const auto random = evaluator_.random_masks(after_, all, shares);
  for (std::size_t p = 0; p < own.size(); ++p) {
    for (std::size_t s = 0; s < own[p].size(); ++s) {
      if (shares[p][s] < 1) {
        EXPECT_LE(random[p][s].kl, own[p][s].kl);
      }
      // The draw is of so many tokens: 120 texts of 5.5 on average.
      EXPECT_NEAR(random[p][s].keep_share, shares[p][s], 0.1);
    }
  }
}

TEST_P(Calibrated, AllRanksTogetherFindTheSameBits) {
  calibrate(team_, after_);
  at::Tensor together = before_.clone();
  calibrate(test::all_ranks(Reduction::deterministic), together);
  EXPECT_TRUE(together.equal(after_));
}

TEST_P(Calibrated, ProbesThatAreNotFiniteStayAsTheyAre) {
  for (const auto& [name, values] : layout_.cell(after_, 1, 2)) values.fill_(std::nanf(""));
  calibrate(team_, after_);
  for (const auto& [name, values] : layout_.cell(after_, 1, 2)) {
    if (name == "gate.bias") {
      EXPECT_TRUE(values.isnan().all().item<bool>());
    }
  }
  EXPECT_TRUE(sweep::is_accepted(scores(after_)[1][1], constraint_));
}

}  // namespace
}  // namespace layersweep
