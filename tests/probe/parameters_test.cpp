// Where parameters lie, how they start, what the gate networks make of them, and how the optimiser moves them.
#include "probe/gates.hpp"
#include "probe/optimiser.hpp"
#include "probe/support.hpp"

namespace layersweep {
namespace {

using probe::ProbeLayout;
using terms::Mode;

struct Case {
  const char* name;
  terms::Mode mode;
  std::vector<std::int64_t> widths;
};

class Parameters : public testing::TestWithParam<Case> {
 protected:
  static constexpr std::int64_t seeds = 3;
  ProbeLayout layout_{GetParam().mode, GetParam().widths, seeds};
};

const auto cases = testing::Values(Case{"input_equal", terms::Mode::input, {24, 24, 24}},
                                   Case{"hidden_equal", terms::Mode::hidden, {24, 24, 24}},
                                   Case{"input_unequal", terms::Mode::input, {16, 2, 140, 2}},
                                   Case{"hidden_unequal", terms::Mode::hidden, {16, 2, 140, 2}});
INSTANTIATE_TEST_SUITE_P(Layouts, Parameters, cases, [](const auto& instance) { return instance.param.name; });

TEST_P(Parameters, ViewsPartitionTheBuffer) {
  const at::Tensor flat = at::zeros({layout_.size()});
  std::int64_t elements = 0;
  for (const at::Tensor& view : layout_.views(flat)) {
    at::Tensor(view).add_(1);
    elements += view.numel();
  }
  EXPECT_EQ(elements, layout_.size());
  EXPECT_TRUE(flat.eq(1).all().item<bool>());
}

// In input mode the replacement vector is listed under point 0 only, so cells are disjoint in both modes.
TEST_P(Parameters, CellsPartitionTheBuffer) {
  const at::Tensor flat = at::zeros({layout_.size()});
  for (int p = 0; p < layout_.points(); ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) {
      for (const auto& [name, view] : layout_.cell(flat, p, s)) at::Tensor(view).add_(1);
    }
  }
  EXPECT_TRUE(flat.eq(1).all().item<bool>());
}

TEST_P(Parameters, ShapesFollowTheMethod) {
  const at::Tensor flat = at::zeros({layout_.size()});
  const auto& widths = GetParam().widths;
  for (int p = 0; p < layout_.points(); ++p) {
    auto cell = test::named_cell(layout_, flat, p, 1);
    const std::int64_t width = widths[static_cast<std::size_t>(p)];
    const std::int64_t inner = std::max<std::int64_t>(32, width / 4);
    const std::int64_t in = GetParam().mode == terms::Mode::input ? widths[0] + width : width;
    EXPECT_EQ(cell["first.v"].sizes(), (std::vector<std::int64_t>{inner, in}));
    EXPECT_EQ(cell["second.v"].sizes(), (std::vector<std::int64_t>{inner}));
    EXPECT_EQ(cell.contains("replacement"), GetParam().mode == terms::Mode::hidden || p == 0);
    if (cell.contains("replacement")) {
      EXPECT_EQ(cell["replacement"].size(0), width);
    }
  }
}

TEST_P(Parameters, CopyingACellTouchesNothingElse) {
  const at::Tensor from = at::arange(1, layout_.size() + 1, at::kFloat);
  const at::Tensor to = at::zeros({layout_.size()});
  const int point = static_cast<int>(layout_.points()) - 1;
  layout_.copy_cell(to, from, point, 1);
  const at::Tensor expected = at::zeros({layout_.size()});
  const auto targets = layout_.cell(expected, point, 1);
  const auto sources = layout_.cell(from, point, 1);
  for (std::size_t i = 0; i < targets.size(); ++i) at::Tensor(targets[i].second).copy_(sources[i].second);
  EXPECT_TRUE(to.equal(expected));
  EXPECT_GT(to.ne(0).sum().item<std::int64_t>(), 0);
}

TEST_P(Parameters, CopyingASeedIsCopyingAllItsCells) {
  const at::Tensor from = at::arange(1, layout_.size() + 1, at::kFloat);
  const at::Tensor to = at::zeros({layout_.size()});
  layout_.copy_seed(to, from, 2);
  const at::Tensor expected = at::zeros({layout_.size()});
  for (int p = 0; p < layout_.points(); ++p) layout_.copy_cell(expected, from, p, 2);
  EXPECT_TRUE(to.equal(expected));
}

std::vector<at::Tensor> some_replacements(const std::vector<std::int64_t>& widths) {
  std::vector<at::Tensor> result;
  for (const std::int64_t width : widths) result.push_back(at::randn({width}));
  return result;
}

TEST_P(Parameters, ASeedStartsEquallyHoweverSeedsAreGrouped) {
  const auto replacements = some_replacements(GetParam().widths);
  const std::vector<std::uint64_t> three{4, 9, 2};
  const at::Tensor together = probe::initial_parameters(layout_, three, replacements);
  for (std::int64_t s = 0; s < seeds; ++s) {
    const ProbeLayout one(GetParam().mode, GetParam().widths, 1);
    const std::vector<std::uint64_t> seed{three[static_cast<std::size_t>(s)]};
    const at::Tensor alone = probe::initial_parameters(one, seed, replacements);
    for (int p = 0; p < layout_.points(); ++p) {
      const auto a = one.cell(alone, p, 0);
      const auto b = layout_.cell(together, p, s);
      ASSERT_EQ(a.size(), b.size());
      for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(a[i].second.equal(b[i].second)) << a[i].first;
    }
  }
}

TEST_P(Parameters, StartAsLinearMapsStartWithEveryGateOpen) {
  const auto& widths = GetParam().widths;
  const auto replacements = some_replacements(widths);
  const std::vector<std::uint64_t> three{4, 9, 2};
  const at::Tensor flat = probe::initial_parameters(layout_, three, replacements);
  std::vector<at::Tensor> firsts;
  for (int p = 0; p < layout_.points(); ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) {
      auto cell = test::named_cell(layout_, flat, p, s);
      // Weight norm: g = ‖v‖ of each output row, so that the map starts as v.
      EXPECT_TRUE(at::allclose(cell["first.g"], cell["first.v"].square().sum(1).sqrt(), 1e-6));
      EXPECT_TRUE(at::allclose(cell["second.g"], cell["second.v"].square().sum().sqrt().view({1}), 1e-6));
      EXPECT_EQ(cell["gate.bias"].item<float>(), 5.0F);
      // U(−1/sqrt(fan in), 1/sqrt(fan in)): inside, and near the ends.
      const double bound = 1.0 / std::sqrt(static_cast<double>(cell["first.v"].size(1)));
      EXPECT_LE(cell["first.v"].abs().max().item<double>(), bound * (1 + 1e-6));
      EXPECT_GT(cell["first.v"].abs().max().item<double>(), 0.9 * bound);
      EXPECT_LE(cell["first.bias"].abs().max().item<double>(), bound * (1 + 1e-6));
      const auto expected = replacements[GetParam().mode == terms::Mode::input ? 0 : static_cast<std::size_t>(p)];
      EXPECT_TRUE(test::plain_replacement(layout_, flat, p, s).equal(expected));
      firsts.push_back(cell["first.v"].flatten().narrow(0, 0, 32));
    }
  }
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(firsts[i].equal(firsts[j])) << "the same draws twice";
  }
}

TEST_P(Parameters, BatchedGateLogitsEqualOneProbeAtATime) {
  at::manual_seed(2);
  const at::Tensor flat = test::spread_parameters(layout_);
  std::vector<at::Tensor> states;
  for (const std::int64_t width : GetParam().widths) states.push_back(at::randn({4, 6, width}));
  const auto phi = probe::gate_logits(layout_, layout_.views(flat), states);
  ASSERT_EQ(phi.size(), states.size());
  for (int p = 0; p < layout_.points(); ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) {
      // In double, with logits of at most 10 in size: fp32 rounding through 280 products.
      const at::Tensor plain = test::plain_logits(layout_, flat.to(at::kDouble), p, s, states);
      const at::Tensor batched = phi[static_cast<std::size_t>(p)].select(0, s);
      EXPECT_LT((batched - plain).abs().max().item<double>(), 5e-5) << p << " " << s;
      EXPECT_GT(plain.std().item<double>(), 0.1);
    }
  }
}

// Against torch.optim.RMSprop in Lookahead, as scripts/make_optimiser_fixture.py stored it. Every step rounds at most a few
// units in the last place (1.2e-7) of numbers up to 3; the centred variance loses a few digits more to cancellation, of
// steps of 1e-2 at most.
TEST(LookaheadRmsprop, EqualsTorch) {
  const auto file = tensors::SafetensorsFile::open(test::source_dir() / "tests/probe/fixtures/optimiser.safetensors");
  using Variance = probe::LookaheadRmsprop::Variance;
  for (const auto& [name, variance] : {std::pair{"centred", Variance::centred}, {"plain", Variance::plain}}) {
    const at::Tensor parameters = test::tensor_of(file, "start");
    const at::Tensor start = parameters.clone();
    const at::Tensor gradients = test::tensor_of(file, "gradients");
    const at::Tensor rates = test::tensor_of(file, "rates");
    const at::Tensor expected = test::tensor_of(file, name);
    probe::LookaheadRmsprop optimiser(parameters, variance);
    for (std::int64_t step = 0; step < gradients.size(0); ++step) {
      optimiser.step(gradients[step].contiguous(), rates[step].contiguous());
      EXPECT_LT((parameters - expected[step]).abs().max().item<double>(), 2e-6) << name << " step " << step + 1;
    }
    EXPECT_GT((parameters - start).abs().max().item<double>(), 1e-3);
  }
}

// A gradient that never changes has no variance: what rounding leaves of it must not become NaN.
TEST(LookaheadRmsprop, AConstantGradientStaysFinite) {
  const at::Tensor parameters = at::zeros({64});
  probe::LookaheadRmsprop optimiser(parameters, probe::LookaheadRmsprop::Variance::centred);
  const at::Tensor gradient = at::linspace(0.1, 3, 64);
  const at::Tensor rates = at::full({64}, 1e-3);
  for (int step = 0; step < 3000; ++step) optimiser.step(gradient, rates);
  EXPECT_TRUE(at::isfinite(parameters).all().item<bool>());
}

}  // namespace
}  // namespace layersweep
