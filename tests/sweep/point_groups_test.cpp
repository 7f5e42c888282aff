// Points shared out over groups of ranks: the gradients of a step, masks and searches of the same weights as on one rank,
// and trainings that are stopped, go on, and may change their layout.
//
// What is compared agrees to rounding: other sizes of products, and another order of sums. Gradients are sums of up to
// thousands of terms of float32; a whole training amplifies that (RMSprop divides an entry by its own size).
#include <csignal>

#include "base/random.hpp"
#include "base/stop_request.hpp"
#include "encoder/bert.hpp"
#include "encoder/bert_folder.hpp"
#include "encoder/support.hpp"
#include "probe/noise.hpp"
#include "sweep/calibrate.hpp"
#include "sweep/evaluation.hpp"
#include "sweep/pace.hpp"
#include "sweep/replacements.hpp"
#include "sweep/step_reducer.hpp"
#include "sweep/support.hpp"

namespace layersweep {
namespace {

using probe::Mode;
using probe::PointRange;
using sweep::Team;
using test::Reduction;

struct Subject {
  std::string name;
  std::unique_ptr<encoder::Encoder> model;
  data::Corpus train, dev;
};

data::Corpus random_texts(std::int64_t count, std::int64_t vocabulary, std::uint64_t seed) {
  base::RandomStream random(base::philox_key(seed, base::Purpose::explainers));
  std::vector<data::Example> examples;
  for (std::int64_t e = 0; e < count; ++e) {
    data::Example example;
    example.id = std::to_string(e);
    const auto length = static_cast<std::size_t>(1 + random.below(9));
    for (std::size_t t = 0; t < length; ++t) {
      example.token_id.push_back(static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(vocabulary))));
    }
    example.segment.assign(length, 0);
    example.part.assign(length, static_cast<std::uint8_t>(data::TokenPart::text));
    for (auto* column : {&example.word_index, &example.char_start, &example.char_end}) column->assign(length, -1);
    examples.push_back(std::move(example));
  }
  return data::Corpus::pack(examples);
}

Subject counting() {
  return {"counting", test::small_counting_model(), data::counting_corpus(0, data::Split::train).first(120),
          data::counting_corpus(0, data::Split::dev).first(50)};
}

Subject tiny_bert() {
  encoder::BertModel model = encoder::read_bert_model(test::encoder_fixtures() / "tiny-bert");
  const std::int64_t vocabulary = model.config.vocabulary;
  return {"bert", encoder::make_bert(model.config, model.weights, 4), random_texts(120, vocabulary, 1),
          random_texts(50, vocabulary, 2)};
}

// All ranks of the job in `groups` groups of about as many points.
Team grouped(int groups, std::int64_t points, Reduction reduction) {
  Team team = test::all_ranks(reduction);
  const auto border = [&](int group) { return static_cast<int>(points * group / groups); };
  for (int g = 0; g < groups; ++g) team.point_groups.push_back({border(g), border(g + 1)});
  return team;
}

// 1 group of all ranks, groups of one rank, and what lies between.
std::vector<int> divisions(std::int64_t points) {
  std::vector<int> result;
  for (int groups = 1; groups <= std::min<std::int64_t>(points, comm::world().size()); ++groups) {
    if (comm::world().size() % groups == 0) result.push_back(groups);
  }
  return result;
}

bool is_everywhere_the_same(const at::Tensor& parameters) {
  const at::Tensor first = parameters.clone();
  comm::world().broadcast(std::span<float>(first.data_ptr<float>(), static_cast<std::size_t>(first.numel())), 0);
  return parameters.equal(first);
}

class PointGroups : public testing::TestWithParam<std::tuple<Mode, bool>> {
 protected:
  PointGroups() {
    settings_.seeds = {1, 2};
    settings_.seeds_per_unit = 0;
    settings_.epsilon = 0.05;
    settings_.batch = 32;
    settings_.max_steps = 6;
    settings_.learning_rate = 3e-3;
    settings_.warm_up = 4;
    settings_.validate_every = 3;
    at::manual_seed(3);
    parameters_ = at::randn({layout_.size()}) * 0.3;
    const auto views = layout_.views(parameters_);
    for (std::size_t b = 0; b < views.size(); ++b) {
      if (layout_.blocks()[b].name == "first.g" || layout_.blocks()[b].name == "second.g") views[b].abs_().add_(0.3);
    }
  }

  Mode mode() const { return std::get<0>(GetParam()); }
  std::int64_t points() const { return layout_.points(); }

  // Gradients and figures of one step with every entry from the group that has it.
  at::Tensor step(const Team& team) {
    const std::vector<std::uint64_t> seeds{1, 2};
    sweep::StepReducer reducer(team, layout_);
    const PointRange mine = layout_.clip(team.my_points());
    probe::StepInputs inputs{probe::Sparsity::log, at::ones({points(), 2}), active_, mine, {}, 40};
    const data::GlobalBatch batch = data::ordered_batches(subject_.train.first(40).lengths(), {40, team.shards, 0}).front();
    for (int shard = team.my_shards().begin; shard < team.my_shards().end; ++shard) {
      const data::Shard& examples = batch.shards[static_cast<std::size_t>(shard)];
      probe::StepSums part(layout_);
      const encoder::Batch tensors = encoder::collate(subject_.train, examples);
      inputs.noise = probe::gate_noise(mode(), seeds, probe::probes_of(mode(), mine), 1, examples, tensors.width());
      probe::accumulate_step(*subject_.model, tensors, layout_, parameters_, inputs, part);
      reducer.add(shard, part);
    }
    const probe::StepSums sums = reducer.sum();
    reducer.complete({sums.gradient()});
    return sums.flat();
  }

  sweep::TrainedUnit train(
      const Team& team, const std::optional<sweep::Safekeeping>& place = std::nullopt,
      const sweep::OnProgress& on_progress = [](const sweep::Progress&) {}) {
    const auto start = sweep::starting_replacements(test::this_rank(Reduction::deterministic), *subject_.model,
                                                    subject_.train, config::Replacement::mean);
    return sweep::train_unit(team, broken_ ? *broken_ : *subject_.model, {subject_.train, subject_.dev}, {mode(), {1, 2}},
                             settings_, 200, start, on_progress, place);
  }

  Subject subject_ = std::get<1>(GetParam()) ? tiny_bert() : counting();
  probe::ProbeLayout layout_{mode(), test::widths_of(*subject_.model), 2};
  at::Tensor parameters_;
  at::Tensor active_ = at::ones({points(), 2}, at::kBool);
  config::Probe settings_;
  const encoder::Encoder* broken_ = nullptr;  // trained in place of the subject's model
};

INSTANTIATE_TEST_SUITE_P(Modes, PointGroups, testing::Combine(testing::Values(Mode::input, Mode::hidden), testing::Bool()),
                         [](const auto& instance) {
                           return std::string(probe::mode_name(std::get<0>(instance.param))) +
                                  (std::get<1>(instance.param) ? "Bert" : "Counting");
                         });

// Relative to the largest entry: rounding of the sums of many terms.
constexpr double gradient_tolerance = 2e-5;

TEST_P(PointGroups, AStepGivesTheGradientsOfOneRank) {
  for (const bool all : {true, false}) {
    if (!all) active_[0][1] = false;
    const at::Tensor alone = step(test::this_rank(Reduction::deterministic));
    EXPECT_GT(alone.abs().max().item<double>(), 1e-3);
    for (const Reduction reduction : {Reduction::deterministic, Reduction::plain}) {
      for (const int groups : divisions(points())) {
        const at::Tensor together = step(grouped(groups, points(), reduction));
        const double off = ((together - alone).abs().max() / alone.abs().max()).item<double>();
        EXPECT_LT(off, gradient_tolerance) << groups << " groups";
      }
    }
  }
}

TEST_P(PointGroups, TheSameWeightsGiveTheSameMasks) {
  const auto scores = [&](const Team& team) {
    return sweep::evaluate_cells(team, *subject_.model, subject_.dev, 0, layout_, parameters_, active_, 200);
  };
  const auto phi = [&](const Team& team) {
    return sweep::gate_logits_of(team, *subject_.model, subject_.dev, layout_, parameters_, 200);
  };
  active_[1][0] = false;
  const Team alone_team = test::this_rank(Reduction::deterministic);
  const auto alone = scores(alone_team);
  for (const int groups : divisions(points())) {
    const Team team = grouped(groups, points(), Reduction::deterministic);
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
    EXPECT_TRUE(is_everywhere_the_same(unit.parameters));
  }
}

// What follows the training: the search for each gate's bias, and for random masks that do as little harm.
TEST_P(PointGroups, SearchesOnTheSameWeightsEndAlike) {
  struct Found {
    at::Tensor calibrated;
    sweep::CellTable<sweep::Score> scores;
    sweep::CellTable<double> random_shares;
  };
  const auto search = [&](const Team& team) {
    Found found{parameters_.clone(), {}, {}};
    sweep::calibrate(team, *subject_.model, subject_.dev, layout_, found.calibrated, {0.02, 0.15}, 200);
    found.scores = sweep::evaluate_cells(team, *subject_.model, subject_.dev, 0, layout_, found.calibrated, active_, 200);
    found.random_shares =
        sweep::random_keep_shares(team, *subject_.model, subject_.dev, layout_, found.calibrated, found.scores, 200);
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
  const auto scores = sweep::evaluate_cells(test::this_rank(Reduction::deterministic), *subject_.model, subject_.dev, 0,
                                            layout_, unit.parameters, active_, 200);
  for (std::int64_t p = 0; p < points(); ++p) {
    for (std::int64_t s = 0; s < 2; ++s) {
      EXPECT_TRUE(sweep::is_accepted(sweep::at_cell(scores, p, s), {settings_.epsilon, settings_.flip_limit}));
    }
  }
  EXPECT_TRUE(is_everywhere_the_same(unit.parameters));
}

// The lowest point of the last group overflows the model for one seed: all ranks drop the same cells.
TEST_P(PointGroups, WhatIsNotFiniteCostsOnlyItsCell) {
  settings_.calibrate = false;
  const Team team = grouped(divisions(points()).back(), points(), Reduction::deterministic);
  const PointRange last = team.point_groups.back();
  const test::OneCopyBreaks breaking(*subject_.model, 2 * last.size(), 0);
  if (team.my_group() == team.groups() - 1) {
    broken_ = &breaking;
  }
  const sweep::TrainedUnit trained = train(team);
  for (int p = 0; p < static_cast<int>(points()); ++p) {
    for (std::int64_t s = 0; s < 2; ++s) {
      const bool hit = s == 0 && (mode() == Mode::input || p == last.first);
      EXPECT_EQ(sweep::at_cell(trained.status, p, s) == sweep::CellStatus::not_finite, hit) << p << " " << s;
      EXPECT_EQ(trained.steps[p][s].item<std::int64_t>(), hit ? 0 : settings_.max_steps);
    }
  }
  EXPECT_TRUE(at::isfinite(trained.parameters).all().item<bool>());
  EXPECT_TRUE(is_everywhere_the_same(trained.parameters));
}

// Stopped by the last rank and gone on in the same layout: the same bits. Another layout goes on as well, from the same
// state.
TEST_P(PointGroups, AStoppedTrainingEndsInTheSameBits) {
  settings_.calibrate = false;
  settings_.max_steps = 12;
  base::note_stop_signals();
  const Team team = grouped(divisions(points()).back(), points(), Reduction::deterministic);
  const sweep::TrainedUnit whole = train(team);

  const test::SharedFolder folder;
  const sweep::Safekeeping place{folder.path() / "u", "abc", 300};
  const sweep::Safekeeping copy{folder.path() / "copy", "abc", 300};
  const auto signal = [&](const sweep::Progress& now) {
    if (now.step == 10 && team.ranks.rank() == team.ranks.size() - 1) std::raise(SIGUSR1);
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
