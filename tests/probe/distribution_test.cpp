// The hard concrete distribution and the noise that drives it.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "probe/hard_concrete.hpp"
#include "probe/noise.hpp"

namespace layersweep {
namespace {

using terms::Mode;

at::Tensor number(double value) { return at::full({1}, value, at::kDouble); }
double sampled(double phi, double noise) { return probe::sample_gates(number(phi), number(noise)).item<double>(); }

// The definition with the constants of the paper, in the uniform draw u.
double gate_of(double phi, double u) {
  const double s = 1.0 / (1.0 + std::exp(-(std::log(u) - std::log(1.0 - u) + phi) / 0.2));
  return std::min(1.0, std::max(0.0, s * (1.0 + 0.2) - 0.2));
}

TEST(HardConcrete, SampledGatesFollowTheFormula) {
  for (const double phi : {-6.0, -1.0, -0.1, 0.0, 0.3, 2.0, 6.0}) {
    for (const double u : {1e-9, 0.01, 0.2, 0.5, 0.77, 0.999, 1 - 1e-9}) {
      EXPECT_NEAR(sampled(phi, std::log(u) - std::log(1.0 - u)), gate_of(phi, u), 1e-12) << phi << " " << u;
    }
  }
}

TEST(HardConcrete, GatesStayInRangeAndReachBothEndsInFloat) {
  const at::Tensor phi = at::linspace(-15, 15, 3001, at::kFloat);
  const at::Tensor gates = probe::sample_gates(phi, at::zeros_like(phi));
  EXPECT_GE(gates.min().item<float>(), 0.0F);
  EXPECT_LE(gates.max().item<float>(), 1.0F);
  EXPECT_EQ(gates[0].item<float>(), 0.0F);
  EXPECT_EQ(gates[3000].item<float>(), 1.0F);
  EXPECT_GT(gates[1500].item<float>(), 0.3F);  // s = 1/2 becomes 0.4
  EXPECT_LT(gates[1500].item<float>(), 0.5F);
  EXPECT_GE((gates.slice(0, 1) - gates.slice(0, 0, 3000)).min().item<float>(), 0.0F);
}

// The share of open gates over a fine grid of u is the probability up to one grid cell.
TEST(HardConcrete, KeepProbabilityIsTheShareOfOpenGates) {
  constexpr std::int64_t cells = 200'000;
  const at::Tensor u = (at::arange(cells, at::kDouble) + 0.5) / static_cast<double>(cells);
  const at::Tensor noise = u.log() - (1 - u).log();
  for (const double phi : {-5.0, -1.5, -0.322, 0.0, 0.7, 3.0, 8.0}) {
    const double open = probe::sample_gates(number(phi), noise).gt(0).to(at::kDouble).mean().item<double>();
    const double log_p = probe::log_keep_probability(number(phi)).item<double>();
    EXPECT_NEAR(std::exp(log_p), open, 1.0 / cells) << phi;
    // The closed form: the sigmoid of phi − β·log(−l/r).
    EXPECT_NEAR(log_p, -std::log1p(std::exp(-(phi - 0.2 * std::log(0.2 / 1.0)))), 1e-9) << phi;
  }
}

TEST(HardConcrete, FloatsDoNotOverflow) {
  const at::Tensor log_p = probe::log_keep_probability(at::tensor({-1e4F, 1e4F}));
  EXPECT_NEAR(log_p[0].item<float>(), -1e4F, 1.0F);
  EXPECT_EQ(log_p[1].item<float>(), 0.0F);
}

// Central differences in double: the truncation error is of order step² = 1e-10, that of rounding 1e-11.
TEST(HardConcrete, GradientsAreTheSlopes) {
  constexpr double step = 1e-5;
  for (const double phi : {-3.0, -0.25, 0.1, 0.4, 2.5}) {
    for (const double noise : {-0.2, 0.0, 0.15}) {
      const at::Tensor x = number(phi).requires_grad_();
      probe::sample_gates(x, number(noise)).sum().backward();
      EXPECT_NEAR(x.grad().item<double>(), (sampled(phi + step, noise) - sampled(phi - step, noise)) / (2 * step), 1e-7);
    }
    const at::Tensor x = number(phi).requires_grad_();
    probe::log_keep_probability(x).sum().backward();
    const auto value = [](double at) { return probe::log_keep_probability(number(at)).item<double>(); };
    EXPECT_NEAR(x.grad().item<double>(), (value(phi + step) - value(phi - step)) / (2 * step), 1e-7);
  }
}

const std::vector<std::uint64_t> seeds{3, 11, 4};
const std::vector<std::int64_t> examples{90, 2, 17, 5};

TEST(GateNoise, ADrawDoesNotDependOnItsNeighbours) {
  const at::Tensor all = probe::gate_noise({terms::Mode::hidden, seeds, {0, 3}}, 12, examples, 9);
  ASSERT_EQ(all.sizes(), (std::vector<std::int64_t>{3, 3, 4, 9}));
  for (std::size_t s = 0; s < seeds.size(); ++s) {
    for (std::size_t e = 0; e < examples.size(); ++e) {
      // Alone, and padded to another width, with fewer points.
      const std::vector<std::uint64_t> seed{seeds[s]};
      const std::vector<std::int64_t> example{examples[e]};
      for (const std::int64_t width : {std::int64_t{9}, std::int64_t{6}, std::int64_t{1}}) {
        const at::Tensor alone = probe::gate_noise({terms::Mode::hidden, seed, {0, 2}}, 12, example, width);
        const at::Tensor beside = all.slice(0, 0, 2)
                                      .select(1, static_cast<std::int64_t>(s))
                                      .select(1, static_cast<std::int64_t>(e))
                                      .slice(-1, 0, width);
        EXPECT_TRUE(alone.select(1, 0).select(1, 0).equal(beside)) << s << " " << e << " " << width;
      }
    }
  }
}

TEST(GateNoise, EveryPartOfTheKeyCounts) {
  const std::vector<std::int64_t> pair{0, 1};
  const std::vector<std::uint64_t> two{0, 1};
  const at::Tensor base = probe::gate_noise({terms::Mode::hidden, two, {0, 2}}, 1, pair, 8);
  // Different mode or step: nothing in common, also where only the upper half of a step differs.
  for (const at::Tensor& other :
       {probe::gate_noise({terms::Mode::input, two, {0, 2}}, 1, pair, 8),
        probe::gate_noise({terms::Mode::hidden, two, {0, 2}}, 2, pair, 8),
        probe::gate_noise({terms::Mode::hidden, two, {0, 2}}, (std::int64_t{1} << 32) + 1, pair, 8)}) {
    EXPECT_EQ(base.eq(other).sum().item<std::int64_t>(), 0);
  }
  // Different point, seed, example, position: all 64 draws differ.
  const at::Tensor sorted = std::get<0>(base.flatten().sort());
  EXPECT_GT((sorted.slice(0, 1) - sorted.slice(0, 0, -1)).min().item<float>(), 0.0F);
}

TEST(GateNoise, IsLogistic) {
  std::vector<std::int64_t> many(500);
  for (std::size_t e = 0; e < many.size(); ++e) many[e] = static_cast<std::int64_t>(e);
  const at::Tensor noise = probe::gate_noise({terms::Mode::input, seeds, {0, 3}}, 5, many, 10).to(at::kDouble).flatten();
  const auto n = static_cast<double>(noise.numel());
  const double variance = std::numbers::pi * std::numbers::pi / 3;
  // Four standard errors: of the mean sqrt(variance/n); of the variance sqrt((4.2 − 1)/n)·variance, 4.2 being the kurtosis.
  EXPECT_NEAR(noise.mean().item<double>(), 0.0, 4 * std::sqrt(variance / n));
  EXPECT_NEAR(noise.var().item<double>(), variance, 4 * std::sqrt(3.2 / n) * variance);
  // Kolmogorov: P(distance·sqrt(n) > 1.95) = 2·exp(−2·1.95²) = 0.001.
  const at::Tensor probability = at::sigmoid(std::get<0>(noise.sort()));
  const at::Tensor rank = at::arange(noise.numel(), at::kDouble);
  const double above = ((rank + 1) / n - probability).max().item<double>();
  const double below = (probability - rank / n).max().item<double>();
  EXPECT_LT(std::max(above, below), 1.95 / std::sqrt(n));
  // Neighbouring draws are unrelated.
  const double correlation = (noise.slice(0, 1) * noise.slice(0, 0, -1)).mean().item<double>() / variance;
  EXPECT_NEAR(correlation, 0.0, 4 / std::sqrt(n));
}

}  // namespace
}  // namespace layersweep
