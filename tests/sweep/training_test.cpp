// Training a unit: the same bits for every number of ranks, the loop's promises, and what stays of a probe that breaks.
#include <cmath>

#include "plan/work.hpp"
#include "probe/evaluate.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/replacements.hpp"
#include "sweep/support.hpp"

namespace layersweep {
namespace {

using sweep::Ranks;
using sweep::TrainedUnit;
using terms::Mode;
using terms::Status;
using test::Reduction;

config::Probe quick_settings() {
  config::Probe settings;
  settings.seeds = {1, 2};
  settings.seeds_per_unit = 0;
  settings.epsilon = 0.05;
  settings.batch = 32;
  settings.max_steps = 10;
  settings.learning_rate = 3e-3;
  settings.warm_up = 4;
  settings.validate_every = 5;
  settings.calibrate = false;
  return settings;
}

TEST(RateFactor, RisesStaysAndFallsWithoutReachingZero) {
  config::Probe settings;
  settings.warm_up = 4;
  settings.cool_down = 5;
  for (const auto& [step, factor] : {std::pair{1, 0.25}, {3, 0.75}, {4, 1.0}, {16, 1.0}, {17, 0.8}, {20, 0.2}}) {
    EXPECT_DOUBLE_EQ(sweep::rate_factor(settings, step, 20), factor) << step;
  }
  // Where they overlap the smaller one counts.
  EXPECT_DOUBLE_EQ(sweep::rate_factor(settings, 3, 4), 0.4);
  settings.warm_up = settings.cool_down = 0;
  EXPECT_DOUBLE_EQ(sweep::rate_factor(settings, 1, 20), 1.0);
}

class Training : public testing::TestWithParam<Mode> {
 protected:
  TrainedUnit train(const Ranks& team, const config::Probe& settings, const model::Model& model,
                    std::vector<std::uint64_t> seeds = {1, 2}, std::int64_t token_budget = 200) {
    const auto start = sweep::starting_replacements(team, model, train_, config::Replacement::mean);
    return sweep::train_unit(team, {model, train_, dev_, {GetParam(), std::move(seeds)}, settings, token_budget, start},
                             [this](const sweep::Progress& line) { progress_.push_back(line); });
  }

  std::unique_ptr<model::Model> model_ = test::small_counting_model();
  data::Corpus train_ = data::counting_corpus(0, terms::Split::train).first(200);
  data::Corpus dev_ = data::counting_corpus(0, terms::Split::dev).first(50);
  std::vector<sweep::Progress> progress_;
};

INSTANTIATE_TEST_SUITE_P(Modes, Training, testing::Values(Mode::input, Mode::hidden),
                         [](const auto& instance) { return std::string(terms::name_of(instance.param)); });

// Every rank also trains alone; the test runs with 1, 2 and 4 ranks.
TEST_P(Training, DeterministicTeamsOfAnySizeGiveTheSameBits) {
  const TrainedUnit team = train(test::all_ranks(Reduction::deterministic), quick_settings(), *model_);
  const TrainedUnit alone = train(test::this_rank(Reduction::deterministic), quick_settings(), *model_);
  test::expect_same(team, alone);
}

// A plain all-reduce adds in another order. A step's sums agree to rounding; RMSprop then divides each gradient by its own
// size, so that an entry which is nothing but rounding may move otherwise: nearly all entries, and what is measured, agree.
TEST_P(Training, APlainReductionAgreesToRounding) {
  config::Probe settings = quick_settings();
  settings.max_steps = 4;
  settings.validate_every = 4;
  const TrainedUnit plain = train(test::all_ranks(Reduction::plain), settings, *model_);
  const TrainedUnit fixed = train(test::this_rank(Reduction::deterministic), settings, *model_);
  EXPECT_TRUE(at::allclose(plain.alpha, fixed.alpha, 1e-4));
  const at::Tensor off = (plain.parameters - fixed.parameters).abs().gt(1e-5 + 1e-4 * fixed.parameters.abs());
  EXPECT_LT(off.to(at::kDouble).mean().item<double>(), 0.01);
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::size_t s = 0; s < 2; ++s) {
      EXPECT_NEAR(plain.curve.back().scores[p][s].kl, fixed.curve.back().scores[p][s].kl, 1e-3);
    }
  }
}

TEST_P(Training, EveryRankReturnsTheSame) {
  const TrainedUnit trained = train(test::all_ranks(Reduction::plain), quick_settings(), *model_);
  std::vector<float> mine(trained.parameters.data_ptr<float>(),
                          trained.parameters.data_ptr<float>() + trained.parameters.numel());
  std::vector<float> first = mine;
  comm::world().broadcast(std::span<float>(first), 0);
  EXPECT_EQ(mine, first);
}

TEST_P(Training, TakesItsStepsAndReportsThem) {
  const config::Probe settings = quick_settings();
  const TrainedUnit trained = train(test::all_ranks(Reduction::plain), settings, *model_);
  EXPECT_EQ(plan::planned_steps(settings, train_.size()), 10);
  EXPECT_TRUE(trained.steps.eq(10).all().item<bool>());
  ASSERT_EQ(trained.curve.size(), 3u);  // at 0, 5 and 10
  EXPECT_EQ(trained.curve[1].step, 5);
  EXPECT_EQ(trained.curve[2].step, 10);
  ASSERT_FALSE(progress_.empty());
  EXPECT_EQ(progress_.back().step, 10);
  EXPECT_EQ(progress_.back().total_steps, 10);
  EXPECT_EQ(progress_.back().kl.size(), 2u);
  EXPECT_TRUE(trained.alpha.ge(0).all().item<bool>());
  EXPECT_TRUE(trained.alpha.le(settings.alpha_max).all().item<bool>());
  for (const auto& point : trained.status) {
    for (const terms::Status status : point) EXPECT_EQ(status, terms::Status::trained);
  }
}

// The calibrated end of training takes the place of snapshots it beats, so every probe is accepted.
TEST_P(Training, CalibrationLeavesEveryProbeAccepted) {
  config::Probe settings = quick_settings();
  settings.calibrate = true;
  const Ranks team = test::all_ranks(Reduction::deterministic);
  const TrainedUnit unit = train(team, settings, *model_);
  const at::Tensor all = at::ones({unit.layout.points(), unit.layout.seeds()}, at::kBool);
  for (const auto& seeds : sweep::Evaluator(team, *model_, dev_, unit.layout, 200).cells(unit.parameters, all)) {
    for (const sweep::Score& score : seeds) EXPECT_TRUE(sweep::is_accepted(score, {settings.epsilon, settings.flip_limit}));
  }
  test::expect_same(train(test::this_rank(Reduction::deterministic), settings, *model_), unit);
}

// While everything is kept, hard masks do not tell the snapshots apart: that of the last validation is kept.
TEST_P(Training, OfEqualSnapshotsTheLastIsKept) {
  config::Probe settings = quick_settings();
  settings.learning_rate = 1e-4;  // no gate closes in four steps
  settings.max_steps = 4;
  settings.validate_every = 2;
  const TrainedUnit both = train(test::this_rank(Reduction::deterministic), settings, *model_);
  settings.validate_every = 4;
  const TrainedUnit last = train(test::this_rank(Reduction::deterministic), settings, *model_);
  for (const sweep::Validation& validation : both.curve) ASSERT_EQ(validation.scores[0][0].keep_share, 1);
  EXPECT_TRUE(both.parameters.equal(last.parameters));
  settings.max_steps = 2;
  EXPECT_FALSE(both.parameters.equal(train(test::this_rank(Reduction::deterministic), settings, *model_).parameters));
}

// The kept weights are those of the best validation: evaluated again, they give its figures. With no price on divergence the
// probes end by dropping everything, so that the last validation is not the best.
TEST_P(Training, KeepsTheBestSnapshot) {
  config::Probe settings = quick_settings();
  settings.epsilon = 1e-4;
  settings.alpha_start = 0;
  settings.alpha_learning_rate = 0;
  settings.learning_rate = 0.05;
  settings.max_steps = 20;
  settings.validate_every = 4;
  const Ranks team = test::all_ranks(Reduction::deterministic);
  const TrainedUnit trained = train(team, settings, *model_);
  const sweep::Constraint constraint{settings.epsilon, settings.flip_limit};
  const auto again =
      sweep::Evaluator(team, *model_, dev_, trained.layout, 200).cells(trained.parameters, at::ones({2, 2}, at::kBool));
  const auto points_of = [](const auto& scores, std::size_t seed) {
    return std::vector<sweep::Score>{scores[0][seed], scores[1][seed]};
  };
  int not_the_last = 0;
  for (std::size_t s = 0; s < 2; ++s) {
    for (std::size_t p = 0; p < 2; ++p) {
      std::size_t best = 0;
      for (std::size_t v = 1; v < trained.curve.size(); ++v) {
        const auto &now = trained.curve[v].scores, &holder = trained.curve[best].scores;
        const bool worse = GetParam() == Mode::hidden
                               ? sweep::is_better(holder[p][s], now[p][s], constraint)
                               : sweep::is_better(points_of(holder, s), points_of(now, s), constraint);
        if (!worse) best = v;
      }
      EXPECT_NEAR(again[p][s].kl, trained.curve[best].scores[p][s].kl, 1e-6) << p << " " << s << ", validation " << best;
      EXPECT_EQ(again[p][s].keep_share, trained.curve[best].scores[p][s].keep_share) << p << " " << s;
      not_the_last += trained.curve.back().scores[p][s].keep_share != again[p][s].keep_share ? 1 : 0;
    }
  }
  EXPECT_GT(not_the_last, 0) << "nothing to tell apart: the last keep share is "
                             << trained.curve.back().scores[0][0].keep_share;
}

// The multiplier falls while the divergence is below ε and rises while it is above; at its bound without any snapshot within
// ε (here one that nothing can meet) a cell says so.
TEST_P(Training, MultipliersFollowTheConstraint) {
  config::Probe settings = quick_settings();
  settings.epsilon = 10;
  const TrainedUnit loose = train(test::this_rank(Reduction::plain), settings, *model_);
  EXPECT_TRUE(loose.alpha.lt(settings.alpha_start).all().item<bool>());
  settings.epsilon = -1;
  settings.alpha_max = 2;
  const TrainedUnit strict = train(test::this_rank(Reduction::plain), settings, *model_);
  EXPECT_TRUE(strict.alpha.eq(2).all().item<bool>());
  for (const auto& point : strict.status) {
    for (const terms::Status status : point) EXPECT_EQ(status, terms::Status::alpha_at_bound);
  }
}

TEST_P(Training, StopsWhenPatienceRunsOut) {
  config::Probe settings = quick_settings();
  settings.learning_rate = 0;
  settings.replacement_learning_rate = 0;  // nothing ever gets better
  settings.patience = 1;
  const TrainedUnit trained = train(test::all_ranks(Reduction::plain), settings, *model_);
  EXPECT_TRUE(trained.steps.eq(5).all().item<bool>());
  EXPECT_EQ(trained.curve.size(), 2u);
}

// A seed's noise and start do not depend on the seeds beside it; what is left is the order of the batches, which the first
// seed of a unit decides, and rounding.
TEST_P(Training, ASeedTrainsAlikeAloneAndBesideAnother) {
  config::Probe settings = quick_settings();
  settings.max_steps = 3;
  settings.validate_every = 3;
  const TrainedUnit both = train(test::this_rank(Reduction::deterministic), settings, *model_, {1, 2});
  const TrainedUnit alone = train(test::this_rank(Reduction::deterministic), settings, *model_, {1});
  EXPECT_TRUE(at::allclose(both.alpha.narrow(1, 0, 1), alone.alpha, 1e-4));
  for (std::size_t p = 0; p < 2; ++p)
    EXPECT_NEAR(both.curve.back().scores[p][0].kl, alone.curve.back().scores[p][0].kl, 1e-3);
}

TEST_P(Training, MicroBatchesChangeOnlyRounding) {
  config::Probe settings = quick_settings();
  settings.max_steps = 3;
  settings.validate_every = 3;
  const TrainedUnit small = train(test::this_rank(Reduction::deterministic), settings, *model_, {1, 2}, 1);
  const TrainedUnit large = train(test::this_rank(Reduction::deterministic), settings, *model_, {1, 2}, 1 << 20);
  EXPECT_TRUE(at::allclose(small.alpha, large.alpha, 1e-4));
  for (std::size_t p = 0; p < 2; ++p) {
    for (std::size_t s = 0; s < 2; ++s)
      EXPECT_NEAR(small.curve.back().scores[p][s].kl, large.curve.back().scores[p][s].kl, 1e-3);
  }
}

TEST_P(Training, WhatIsNotFiniteCostsOnlyItsCell) {
  // Copies are in the order (point, seed): the third is point 1, first seed.
  const test::OneCopyBreaks breaking(*model_, 4, 2);
  const TrainedUnit trained = train(test::all_ranks(Reduction::deterministic), quick_settings(), breaking);
  const TrainedUnit whole = train(test::all_ranks(Reduction::deterministic), quick_settings(), *model_);
  for (std::int64_t p = 0; p < 2; ++p) {
    for (std::int64_t s = 0; s < 2; ++s) {
      const bool hit = s == 0 && (p == 1 || GetParam() == Mode::input);
      EXPECT_EQ(trained.status[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)],
                hit ? terms::Status::not_finite : terms::Status::trained);
      EXPECT_EQ(trained.steps[p][s].item<std::int64_t>(), hit ? 0 : 10);
      if (!hit) {
        EXPECT_NEAR(trained.alpha[p][s].item<double>(), whole.alpha[p][s].item<double>(), 0.01);
      }
    }
  }
  EXPECT_TRUE(at::isfinite(trained.parameters).all().item<bool>()) << "the last finite snapshot is kept";
  EXPECT_TRUE(at::isfinite(trained.alpha).all().item<bool>());
}

TEST_P(Training, AGradientThatIsNotFiniteCostsOnlyItsCell) {
  const test::OneGradientBreaks breaking(*model_, 4, 2);  // point 1, first seed
  const TrainedUnit trained = train(test::all_ranks(Reduction::deterministic), quick_settings(), breaking);
  for (std::int64_t p = 0; p < 2; ++p) {
    for (std::int64_t s = 0; s < 2; ++s) {
      const bool hit = s == 0 && (p == 1 || GetParam() == Mode::input);
      EXPECT_EQ(trained.status[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)],
                hit ? terms::Status::not_finite : terms::Status::trained);
    }
  }
  EXPECT_TRUE(at::isfinite(trained.parameters).all().item<bool>());
}

TEST(Evaluation, IsTheSameForAnyTeamAndAgreesWithOneBatch) {
  const auto model = test::small_counting_model();
  const data::Corpus corpus = data::counting_corpus(1, terms::Split::dev).first(90);
  const probe::ProbeLayout layout(Mode::hidden, probe::widths_of(*model), 2);
  at::manual_seed(1);
  const at::Tensor parameters = at::randn({layout.size()});
  const at::Tensor active = at::ones({2, 2}, at::kBool);
  active[1][0] = false;
  const auto evaluate = [&](const Ranks& team, std::int64_t examples, std::int64_t budget) {
    return sweep::Evaluator(team, *model, corpus, layout, budget).cells(parameters, active, examples);
  };
  const auto team = evaluate(test::all_ranks(Reduction::plain), 0, 200);
  EXPECT_TRUE(test::same_scores(team, evaluate(test::this_rank(Reduction::plain), 0, 200)));

  for (const std::int64_t count : {0, 17}) {
    std::vector<std::int64_t> examples(static_cast<std::size_t>(count == 0 ? corpus.size() : count));
    for (std::size_t e = 0; e < examples.size(); ++e) examples[e] = static_cast<std::int64_t>(e);
    const model::Batch batch = model::collate(corpus, examples);
    const auto masks = probe::evaluate_hard_masks({*model, batch, model->clean(batch)}, {layout, parameters}, active);
    const auto scores = evaluate(test::all_ranks(Reduction::plain), count, 1 << 20);
    for (std::int64_t p = 0; p < 2; ++p) {
      for (std::int64_t s = 0; s < 2; ++s) {
        const sweep::Score& score = scores[static_cast<std::size_t>(p)][static_cast<std::size_t>(s)];
        EXPECT_NEAR(score.keep_share, masks.keep_share[p][s].mean().item<double>(), 1e-6);
        EXPECT_EQ(std::isnan(score.kl), !active[p][s].item<bool>());
        if (std::isnan(score.kl)) continue;
        EXPECT_NEAR(score.kl, masks.kl[p][s].mean().item<double>(), 1e-5);
        EXPECT_NEAR(score.kl_max, masks.kl[p][s].max().item<double>(), 1e-4);
        EXPECT_NEAR(score.flips, masks.flipped[p][s].mean().item<double>(), 1e-6);
      }
    }
  }
}

TEST(Replacements, MeanIsTheMeanStateOfATokenForAnyTeam) {
  const auto model = test::small_counting_model();
  const data::Corpus corpus = data::counting_corpus(1, terms::Split::train).first(150);
  const auto team =
      sweep::starting_replacements(test::all_ranks(Reduction::deterministic), *model, corpus, config::Replacement::mean);
  const auto alone =
      sweep::starting_replacements(test::this_rank(Reduction::deterministic), *model, corpus, config::Replacement::mean);
  std::vector<at::Tensor> sums;
  for (const std::int64_t width : probe::widths_of(*model)) sums.push_back(at::zeros({width}, at::kDouble));
  for (std::int64_t e = 0; e < corpus.size(); ++e) {
    const std::vector<std::int64_t> one{e};
    const model::Clean clean = model->clean(model::collate(corpus, one));
    for (std::size_t p = 0; p < sums.size(); ++p) sums[p] += clean.states[p][0].to(at::kDouble).sum(0);
  }
  for (std::size_t p = 0; p < sums.size(); ++p) {
    EXPECT_TRUE(team[p].equal(alone[p]));
    EXPECT_TRUE(at::allclose(team[p].to(at::kDouble), sums[p] / static_cast<double>(corpus.token_total()), 1e-4, 1e-5));
  }
}

TEST(Replacements, XavierIsNormalAndTheSameEveryTime) {
  const auto model = model::make_counting({{10, 1024, 2}, model::random_counting_weights({10, 1024, 2}, 1)});
  const data::Corpus corpus = data::counting_corpus(1, terms::Split::train).first(8);
  const Ranks team = test::all_ranks(Reduction::plain);
  const auto a = sweep::starting_replacements(team, *model, corpus, config::Replacement::xavier);
  const auto b = sweep::starting_replacements(team, *model, corpus, config::Replacement::xavier);
  EXPECT_TRUE(a[0].equal(b[0]));
  // Scaled to N(0, 1); four standard errors for 1,024 draws: of the mean 1/32, of the variance sqrt(2)/32.
  const at::Tensor scaled = a[0] * 32.0;
  EXPECT_NEAR(scaled.mean().item<double>(), 0.0, 4.0 / 32);
  EXPECT_NEAR(scaled.var().item<double>(), 1.0, 4 * std::sqrt(2.0) / 32);
}

}  // namespace
}  // namespace layersweep
