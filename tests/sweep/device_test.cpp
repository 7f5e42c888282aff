// Everything that trains on a GPU, on a device that is none (support/stand_in_device.hpp): what reads its memory from here,
// or mixes it with the host's, ends the test. Both sides compute with the same kernels; they differ in the order of some
// sums, since the last layer computes the first token alone on a device, and in what the optimiser rounds.
#include <csignal>

#include "base/error.hpp"
#include "base/stop_request.hpp"
#include "probe/optimiser.hpp"
#include "support/stand_in_device.hpp"
#include "sweep/device_support.hpp"
#include "sweep/evaluator.hpp"
#include "sweep/stop_and_checkpoint_clock.hpp"

namespace layersweep {
namespace {

using model::Arithmetic;
using sweep::Ranks;
using terms::Mode;
using test::Reduction;

constexpr double rounding = 1e-6;

// Two shards: every piece costs the stand-in thousands of openings of its memory.
Ranks few_shards(Reduction reduction) { return test::all_ranks({.shards = 2, .reduction = reduction}); }

class OnDevice : public testing::TestWithParam<std::tuple<Mode, std::string>> {
 protected:
  OnDevice() {
    at::manual_seed(5);
    parameters_ = test::uneven_parameters({mode(), probe::widths_of(*host_), 2});
    base::note_stop_signals();
  }

  static Mode mode() { return std::get<0>(GetParam()); }

  model::TransformerModel model_ = test::read_bert(test::encoder_fixtures() / std::get<1>(GetParam()));
  std::unique_ptr<model::Model> host_ = test::Computed{at::kCPU, Arithmetic::plain}.open(model_);
  std::unique_ptr<model::Model> device_ = test::Computed{test::stand_in_device(), Arithmetic::plain}.open(model_);
  bool answers_ = model_.spec.head.output == terms::OutputKind::span;
  data::Corpus train_ = test::texts_for(96, model_.spec.vocabulary, 9, answers_, 1);
  data::Corpus dev_ = test::texts_for(40, model_.spec.vocabulary, 9, answers_, 2);
  at::Tensor parameters_;
};

INSTANTIATE_TEST_SUITE_P(Models, OnDevice,
                         testing::Combine(testing::Values(Mode::input, Mode::hidden),
                                          testing::Values("tiny-bert", "tiny-qa")),
                         [](const auto& instance) {
                           return std::string(terms::name_of(std::get<0>(instance.param))) +
                                  (std::get<1>(instance.param) == "tiny-qa" ? "_spans" : "_classes");
                         });

void expect_equal(const test::Outcome& device, const test::Outcome& host, double tolerance) {
  EXPECT_LT(test::relative_difference(device.logits, host.logits), tolerance);
  EXPECT_LT(test::relative_difference(device.gradient, host.gradient), tolerance);
  EXPECT_LT(test::relative_difference(device.figures.kl, host.figures.kl), tolerance);
  EXPECT_LT(test::relative_difference(device.figures.keep_share, host.figures.keep_share), tolerance);
  EXPECT_TRUE(device.figures.flips.equal(host.figures.flips));
  EXPECT_LT(test::relative_difference(device.masks.keep_probability, host.masks.keep_probability), tolerance);
  EXPECT_LT(test::difference_of_figures(device.masks.kl, host.masks.kl), tolerance);
  EXPECT_EQ(test::difference_of_figures(device.masks.flipped, host.masks.flipped), 0);
  EXPECT_TRUE(device.masks.keep_share.equal(host.masks.keep_share));
}

TEST_P(OnDevice, AStepAndMasksAreThoseOfTheHost) {
  const data::Corpus texts = train_.first(12);
  const std::int64_t before = test::stand_in_operations();
  const test::Outcome device = test::outcome_of(*device_, texts, mode(), parameters_);
  EXPECT_GT(test::stand_in_operations(), before + 100);
  expect_equal(device, test::outcome_of(*host_, texts, mode(), parameters_), rounding);
}

TEST_P(OnDevice, Bf16IsThatOfTheHost) {
  const auto host = test::Computed{at::kCPU, Arithmetic::plain_bf16}.open(model_);
  const auto device = test::Computed{test::stand_in_device(), Arithmetic::plain_bf16}.open(model_);
  const data::Corpus texts = train_.first(12);
  // What rounds to another bf16 differs by 1 in 256 there.
  const test::Outcome on_device = test::outcome_of(*device, texts, mode(), parameters_);
  const test::Outcome on_host = test::outcome_of(*host, texts, mode(), parameters_);
  EXPECT_LT(test::relative_difference(on_device.logits, on_host.logits), 1e-2);
  EXPECT_LT(test::relative_difference(on_device.gradient, on_host.gradient), 2e-2);
  EXPECT_GT(test::relative_difference(
                on_host.logits,
                host_->clean(model::collate(texts, std::vector<std::int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})).logits),
            0);
}

TEST_P(OnDevice, SearchesSeeTheSameFigures) {
  const Ranks team = few_shards(Reduction::deterministic);
  const probe::ProbeLayout layout(mode(), probe::widths_of(*host_), 2);
  const at::Tensor all = at::ones({layout.points(), 2}, at::kBool);
  const sweep::Evaluator on_device(team, *device_, dev_, layout, 400), on_host(team, *host_, dev_, layout, 400);
  EXPECT_LT(test::relative_difference(on_device.gate_logits(parameters_), on_host.gate_logits(parameters_)), rounding);
  const auto half = sweep::cell_table(layout, 0.5);
  const auto device = on_device.random_masks(parameters_, all, half);
  const auto host = on_host.random_masks(parameters_, all, half);
  for (std::int64_t p = 0; p < layout.points(); ++p) {
    EXPECT_NEAR(sweep::at_cell(device, p, 0).kl, sweep::at_cell(host, p, 0).kl, 1e-5 * sweep::at_cell(host, p, 0).kl);
    EXPECT_EQ(sweep::at_cell(device, p, 1).flips, sweep::at_cell(host, p, 1).flips);
  }
}

// RMSprop divides a gradient by its own size, so that an entry which is nothing but rounding may move otherwise: nearly all
// entries, and everything that is measured, agree.
void expect_alike(const sweep::TrainedUnit& device, const sweep::TrainedUnit& host) {
  EXPECT_TRUE(device.parameters.is_cpu());
  const at::Tensor off = (device.parameters - host.parameters).abs().gt(1e-5 + 1e-4 * host.parameters.abs());
  EXPECT_LT(off.to(at::kDouble).mean().item<double>(), 0.01);
  EXPECT_LT(test::relative_difference(device.alpha, host.alpha), 1e-5);
  EXPECT_TRUE(device.steps.equal(host.steps));
  EXPECT_EQ(device.status, host.status);
  ASSERT_EQ(device.curve.size(), host.curve.size());
  for (std::size_t v = 0; v < host.curve.size(); ++v) {
    for (std::size_t p = 0; p < host.curve[v].scores.size(); ++p) {
      for (std::size_t s = 0; s < 2; ++s) {
        const sweep::Score &here = device.curve[v].scores[p][s], &there = host.curve[v].scores[p][s];
        EXPECT_NEAR(here.kl, there.kl, 1e-4 * there.kl + 1e-7);
        EXPECT_NEAR(here.keep_share, there.keep_share, 1e-6);
      }
    }
  }
}

TEST_P(OnDevice, ATrainingGoesTheSameWay) {
  const Ranks team = few_shards(Reduction::plain);
  const auto settings = test::short_training();
  expect_alike(test::train_shortly(team, *device_, train_, dev_, mode(), settings),
               test::train_shortly(team, *host_, train_, dev_, mode(), settings));
}

TEST_P(OnDevice, GroupsShareThePoints) {
  if (comm::world().size() == 1) GTEST_SKIP() << "one rank is one group";
  const auto points = static_cast<int>(host_->points().size());
  const Ranks team = test::all_ranks({.shards = 2, .point_groups = {{0, points / 2}, {points / 2, points}}});
  const auto settings = test::short_training();
  expect_alike(test::train_shortly(team, *device_, train_, dev_, mode(), settings),
               test::train_shortly(team, *host_, train_, dev_, mode(), settings));
}

TEST_P(OnDevice, AStoppedTrainingEndsInTheSameBits) {
  if (answers_) GTEST_SKIP() << "classes tell";
  const Ranks team = few_shards(Reduction::deterministic);
  auto settings = test::short_training();
  settings.max_steps = 12;  // asked to stop where progress is reported, in the tenth
  settings.validate_every = 6;
  const test::SharedFolder folder;
  const sweep::CheckpointSettings place{folder.path(), "an experiment", 0.0};
  const auto stop = [](const sweep::Progress& now) {
    if (now.step == 10) std::raise(SIGUSR1);
  };
  EXPECT_THROW(test::train_shortly(team, *device_, train_, dev_, mode(), settings, place, stop), sweep::Stopped);
  base::note_stop_signals();
  test::expect_same(test::train_shortly(team, *device_, train_, dev_, mode(), settings, place),
                    test::train_shortly(team, *device_, train_, dev_, mode(), settings));
}

TEST_P(OnDevice, SaysWhatHelpsWhereMemoryIsFull) {
  if (comm::world().size() > 1) GTEST_SKIP() << "of one rank";
  auto settings = test::short_training();
  settings.batch = 96;
  test::limit_stand_in_memory(static_cast<std::int64_t>(parameters_.nbytes()) + 4096);  // layers need more than probes
  try {
    test::train_shortly(test::this_rank(Reduction::plain), *device_, train_, dev_, mode(), settings);
    ADD_FAILURE() << "tensors of the size of the probes suffice";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("run.token_budget"));
  }
  test::limit_stand_in_memory(std::numeric_limits<std::int64_t>::max());
}

TEST(OnDeviceOptimiser, TakesTheStepsOfTheHost) {
  at::manual_seed(6);
  using Variance = probe::LookaheadRmsprop::Variance;
  for (const Variance variance : {Variance::centred, Variance::plain}) {
    const at::Tensor host = at::randn({50}), device = host.to(test::stand_in_device()), start = host.clone();
    probe::LookaheadRmsprop on_host(host, variance), on_device(device, variance);
    const at::Tensor rate = at::rand({50}) * 0.1;
    const std::vector<probe::Slice> slices{{0, 20}, {20, 10}, {40, 10}};
    for (int step = 0; step < 8; ++step) {
      const at::Tensor gradient = at::randn({50});
      on_host.step(gradient, rate, slices);
      on_device.step(gradient.to(test::stand_in_device()), rate.to(test::stand_in_device()), slices);
    }
    EXPECT_LT(test::relative_difference(device.cpu(), host), 2e-6);
    EXPECT_TRUE(device.cpu().narrow(0, 30, 10).equal(start.narrow(0, 30, 10))) << "outside the slices";
    EXPECT_EQ(on_device.state().steps, 8);
  }
}

}  // namespace
}  // namespace layersweep
