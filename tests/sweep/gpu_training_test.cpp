// Probes on a GPU against those on CPUs, whose layers are written by hand: one step's gradients and the masks of the same
// probes agree within a tolerance for each precision, and a short training does what it promises. Exit code 77 where no GPU
// can be used. Built with LAYERSWEEP_STAND_IN it runs on the stand-in device instead, to test the test itself.
//
// Tolerances are relative to the largest entry. fp32: other orders of sums in other kernels, through five layers and back.
// tf32 keeps 10 bits of an operand, bf16 7: a product is off by 1 in 2048 or 256, layers add up, and a gradient is a
// difference of such numbers. A keep probability that rounds across one half flips a token, and with it the figures of hard
// masks of its text: they are compared in the mean over texts.
#include <cstdio>

#include "device/gpus.hpp"
#include "device/libtorch_cuda.hpp"
#include "sweep/device_support.hpp"
#include "sweep/evaluator.hpp"

#if LAYERSWEEP_STAND_IN
#include "support/stand_in_device.hpp"
#endif

namespace layersweep {
namespace {

using model::Arithmetic;
using terms::Mode;

at::Device tested_device() {
#if LAYERSWEEP_STAND_IN
  return test::stand_in_device();
#else
  return {at::DeviceType::CUDA, 0};
#endif
}

struct Precision {
  std::string name;
  Arithmetic on_cpu, on_device;
  bool tf32;
  double states, gradient, masks;  // tolerances
};

// A BERT that decides firmly, of a width for which kernels of GPUs are made.
model::TransformerModel model_of_some_size() {
  model::TransformerModel model;
  model.spec.layers = 4;
  model.spec.hidden = 128;
  model.spec.heads = 4;
  model.spec.inner = 512;
  model.spec.vocabulary = 100;
  model.spec.positions = 64;
  model.spec.head.classes = 2;
  model.spec.initial_range = 0.08;
  model.weights = test::random_weights(model.spec, 3);
  model.weights.classifier.weight.mul_(4.0);
  return model;
}

class Gpu : public testing::TestWithParam<std::tuple<Mode, Precision>> {
 protected:
  Gpu() { at::globalContext().setAllowTF32CuBLAS(precision().tf32); }
  ~Gpu() override { at::globalContext().setAllowTF32CuBLAS(false); }
  static Mode mode() { return std::get<0>(GetParam()); }
  static const Precision& precision() { return std::get<1>(GetParam()); }

  model::TransformerModel model_ = model_of_some_size();
  std::unique_ptr<model::Model> host_ = test::Computed{at::kCPU, precision().on_cpu}.open(model_);
  std::unique_ptr<model::Model> device_ = test::Computed{tested_device(), precision().on_device}.open(model_);
  data::Corpus train_ = test::texts_for(64, 100, 20, false, 1);
  data::Corpus dev_ = test::texts_for(16, 100, 20, false, 2);
};

INSTANTIATE_TEST_SUITE_P(
    Precisions, Gpu,
    testing::Combine(testing::Values(Mode::input, Mode::hidden),
                     testing::Values(Precision{"fp32", Arithmetic::fast, Arithmetic::plain, false, 1e-4, 5e-4, 1e-4},
                                     Precision{"tf32", Arithmetic::fast, Arithmetic::plain, true, 1e-2, 5e-2, 1e-2},
                                     Precision{"bf16", Arithmetic::fast_bf16, Arithmetic::plain_bf16, false, 3e-2, 1e-1,
                                               5e-2})),
    [](const auto& instance) {
      return std::string(terms::name_of(std::get<0>(instance.param))) + "_" + std::get<1>(instance.param).name;
    });

TEST_P(Gpu, AStepAndMasksAreThoseOfTheCpu) {
  at::manual_seed(5);
  const at::Tensor parameters = test::uneven_parameters({mode(), probe::widths_of(*host_), 2});
  const test::Outcome host = test::outcome_of(*host_, train_, mode(), parameters);
  const test::Outcome device = test::outcome_of(*device_, train_, mode(), parameters);
  const double logits = test::relative_difference(device.logits, host.logits);
  const double gradient = test::relative_difference(device.gradient, host.gradient);
  const double kl = test::relative_difference(device.figures.kl, host.figures.kl);
  const double keep = test::relative_difference(device.masks.keep_probability, host.masks.keep_probability);
  const auto means = [](const at::Tensor& figure) { return figure.nan_to_num().mean(-1); };
  const double hard_kl = test::relative_difference(means(device.masks.kl), means(host.masks.kl));
  std::printf("logits %.1e, gradient %.1e, KL %.1e, keep probability %.1e, KL of hard masks %.1e\n", logits, gradient, kl,
              keep, hard_kl);
  EXPECT_LT(logits, precision().states);
  EXPECT_LT(gradient, precision().gradient);
  EXPECT_LT(kl, precision().gradient);
  EXPECT_LT(keep, precision().masks);
  EXPECT_LT(hard_kl, 5 * precision().gradient);
}

TEST_P(Gpu, AShortTrainingEndsAccepted) {
  if (LAYERSWEEP_STAND_IN && precision().name != "fp32") GTEST_SKIP() << "fp32 shows that the test works";
  const auto gpu = LAYERSWEEP_STAND_IN ? std::nullopt : std::optional<int>(0);
  const sweep::Ranks team(comm::Communicator(), {.shards = 2, .gpu = gpu});
  auto settings = test::short_training();
  settings.calibrate = true;
  const auto unit = test::train_shortly(team, *device_, train_, dev_, mode(), settings);
  EXPECT_TRUE(unit.parameters.isfinite().all().item<bool>());
  EXPECT_TRUE(unit.steps.eq(settings.max_steps).all().item<bool>());
  const at::Tensor all = at::ones({unit.layout.points(), 2}, at::kBool);
  for (const auto& seeds : sweep::Evaluator(team, *device_, dev_, unit.layout, 400).cells(unit.parameters, all)) {
    for (const sweep::Score& score : seeds) EXPECT_TRUE(sweep::is_accepted(score, {settings.epsilon, settings.flip_limit}));
  }
}

}  // namespace
}  // namespace layersweep

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
#if !LAYERSWEEP_STAND_IN
  if (const auto gpus = layersweep::device::visible_gpus(); gpus.visible.empty()) {
    std::printf("skipped: no GPU here (%s)\n", gpus.problem.c_str());
    return 77;
  }
  layersweep::device::load_libtorch_cuda();
  layersweep::device::use_gpu(0);
#endif
  return RUN_ALL_TESTS();
}
