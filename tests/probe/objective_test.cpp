// One step's objective and gradient, and the evaluation on hard masks, against the objective written out point by point.
#include "probe/objective.hpp"

#include "probe/evaluate.hpp"
#include "probe/hard_concrete.hpp"
#include "probe/noise.hpp"
#include "probe/support.hpp"

namespace layersweep {
namespace {

using probe::ProbeLayout;
using probe::StepSums;
using terms::Mode;
using terms::Sparsity;

struct Plain {
  at::Tensor objective;  ///< scalar, differentiable
  at::Tensor kl, keep_share, flips;
};

// What the logits of all texts say of one: chances of its classes, or of start and end among its tokens.
at::Tensor chances_of(const test::Frozen& frozen, std::int64_t example, const at::Tensor& logits) {
  const std::int64_t length = frozen.batch.lengths[example].item<std::int64_t>();
  const at::Tensor own = frozen.name == "span" ? logits[example].narrow(1, 0, length) : logits[example];
  return at::softmax(own.to(at::kDouble), -1);
}

// The likeliest class, or pair of answerable places in order; 0 for no answer.
std::int64_t decided(const test::Frozen& frozen, std::int64_t example, const at::Tensor& chances) {
  if (frozen.name != "span") return chances.argmax().item<std::int64_t>();
  const at::Tensor open = frozen.batch.answerable[example];
  double best = 0;
  std::int64_t answer = 0;
  for (std::int64_t start = 0; start < chances.size(1); ++start) {
    for (std::int64_t end = start; end < chances.size(1); ++end) {
      if (!open[start].item<bool>() || !open[end].item<bool>() || (start == 0 && end > 0)) continue;
      const double chance = chances[0][start].item<double>() * chances[1][end].item<double>();
      if (chance > best) {
        best = chance;
        answer = 100 * start + end;
      }
    }
  }
  return answer;
}

class Objective : public testing::TestWithParam<std::tuple<std::string, terms::Mode, terms::Sparsity>> {
 protected:
  static constexpr std::int64_t seeds = 3;

  void SetUp() override {
    at::manual_seed(4);
    frozen_ = test::frozen_model(std::get<0>(GetParam()));
    layout_ = std::make_unique<ProbeLayout>(std::get<1>(GetParam()), frozen_.widths(), seeds);
    parameters_ = test::spread_parameters(*layout_);
    const std::vector<std::uint64_t> names{5, 6, 7};
    std::vector<std::int64_t> examples;
    for (std::int64_t e = 0; e < frozen_.batch.size(); ++e) examples.push_back(e);
    inputs_.sparsity = std::get<2>(GetParam());
    inputs_.alpha = at::rand({layout_->points(), seeds}) * 5;
    inputs_.active = at::ones({layout_->points(), seeds}, at::kBool);
    inputs_.active.select(1, 1).fill_(false);  // a whole seed has stopped, and in hidden mode one cell more
    if (layout_->mode() == terms::Mode::hidden) inputs_.active[1][2] = false;
    inputs_.noise = probe::gate_noise({layout_->mode(), names, layout_->clip({})}, 1, examples, frozen_.batch.width());
    inputs_.batch_size = 2 * frozen_.batch.size();  // the global batch is larger than this part
  }

  StepSums step(const at::Tensor& parameters) const {
    StepSums sums(*layout_);
    probe::accumulate_step(*frozen_.model, frozen_.batch, {*layout_, parameters}, inputs_, sums);
    return sums;
  }

  // Point by point, seed by seed, text by text.
  Plain plain(const at::Tensor& parameters) const {
    const ProbeLayout& layout = *layout_;
    const model::Batch& batch = frozen_.batch;
    const model::Clean clean = frozen_.model->clean(batch);
    Plain result{at::zeros({}, at::kDouble), at::zeros({layout.points(), seeds}), at::zeros({layout.points(), seeds}),
                 at::zeros({layout.points(), seeds})};
    for (std::int64_t s = 0; s < seeds; ++s) {
      at::Tensor gates, log_keep;
      for (int point = 0; point < layout.points(); ++point) {
        const at::Tensor phi = test::plain_logits(layout, parameters, point, s, clean.states);
        const at::Tensor z = probe::sample_gates(phi, inputs_.noise[point][s]);
        const at::Tensor log_p = probe::log_keep_probability(phi);
        const bool grows = layout.mode() == terms::Mode::input && point > 0;
        gates = grows ? gates * z : z;
        log_keep = grows ? log_keep + log_p : log_p;
        const at::Tensor masked = test::plain_pass(frozen_, clean, layout.mode() == terms::Mode::input ? 0 : point, gates,
                                                   test::plain_replacement(layout, parameters, point, s));
        for (std::int64_t e = 0; e < batch.size(); ++e) {
          const std::int64_t length = batch.lengths[e].item<std::int64_t>();
          const at::Tensor log_tokens = log_keep[e].narrow(0, 0, length);
          const at::Tensor keep = log_tokens.exp().mean();
          result.keep_share[point][s] += keep.detach();
          if (!inputs_.active[point][s].item<bool>()) continue;
          const at::Tensor p = chances_of(frozen_, e, clean.logits), q = chances_of(frozen_, e, masked);
          const at::Tensor kl = (p * (p.log() - q.log())).sum();
          const at::Tensor sparsity = inputs_.sparsity == terms::Sparsity::l0 ? keep : log_tokens.mean();
          result.objective = result.objective + inputs_.alpha[point][s].to(at::kDouble) * kl + sparsity;
          result.kl[point][s] += kl.detach();
          if (decided(frozen_, e, q) != decided(frozen_, e, p)) result.flips[point][s] += 1;
        }
      }
    }
    result.objective = result.objective / static_cast<double>(inputs_.batch_size * layout.points());
    return result;
  }

  test::Frozen frozen_;
  std::unique_ptr<ProbeLayout> layout_;
  at::Tensor parameters_;
  probe::StepInputs inputs_;
};

INSTANTIATE_TEST_SUITE_P(Models, Objective,
                         testing::Combine(testing::ValuesIn(test::decided_model_names),
                                          testing::Values(terms::Mode::input, terms::Mode::hidden),
                                          testing::Values(terms::Sparsity::log, terms::Sparsity::l0)),
                         [](const auto& instance) {
                           const std::string mode(terms::name_of(std::get<1>(instance.param)));
                           return test::test_name(std::get<0>(instance.param)) + "_" + mode +
                                  (std::get<2>(instance.param) == terms::Sparsity::l0 ? "_l0" : "_log");
                         });

// fp32 against fp32 in another order; the plain KL is in double.
constexpr double tolerance = 2e-5;

TEST_P(Objective, GradientIsThatOfTheObjectiveWrittenOut) {
  const at::Tensor leaf = parameters_.clone().requires_grad_();
  plain(leaf).objective.backward();
  const StepSums sums = step(parameters_);
  const auto ours = layout_->views(sums.gradient());
  const auto theirs = layout_->views(leaf.grad());
  for (std::size_t b = 0; b < ours.size(); ++b) {
    EXPECT_LT(test::relative_difference(ours[b], theirs[b]), tolerance) << layout_->blocks()[b].name;
    EXPECT_GT(theirs[b].abs().max().item<double>(), 1e-6) << layout_->blocks()[b].name;
  }
}

TEST_P(Objective, SumsOverExamplesAreRight) {
  const Plain expected = plain(parameters_);
  const StepSums sums = step(parameters_);
  EXPECT_LT(test::relative_difference(sums.kl(), expected.kl), tolerance);
  EXPECT_LT(test::relative_difference(sums.keep_share(), expected.keep_share), tolerance);
  EXPECT_TRUE(sums.flips().equal(expected.flips));
  EXPECT_GT(expected.flips.sum().item<float>(), 0.0F) << "nothing to tell apart";
}

// The slope along two single parameters and one random direction. The error of the central difference is of order step²,
// that of fp32 1e-7/step.
TEST_P(Objective, GradientIsTheSlope) {
  const at::Tensor gradient = step(parameters_).gradient();
  std::vector<at::Tensor> directions;
  for (const char* name : {"gate.bias", "replacement"}) {
    const at::Tensor direction = at::zeros_like(parameters_);
    test::named_cell(*layout_, direction, 0, 2).at(name).narrow(0, 0, 1).fill_(1.0);
    directions.push_back(direction);
  }
  directions.push_back(gradient / gradient.norm());
  for (const at::Tensor& direction : directions) {
    constexpr double length = 2e-3;
    const double up = plain(parameters_ + length * direction).objective.item<double>();
    const double down = plain(parameters_ - length * direction).objective.item<double>();
    const double slope = (gradient * direction).sum().item<double>();
    EXPECT_NEAR((up - down) / (2 * length), slope, 1e-4 + 0.01 * std::abs(slope));
  }
}

TEST_P(Objective, MicroBatchesAddUpToTheWhole) {
  const StepSums whole = step(parameters_);
  StepSums parts(*layout_);
  for (std::int64_t e = 0; e < frozen_.batch.size(); ++e) {
    const std::int64_t length = frozen_.batch.lengths[e].item<std::int64_t>();
    model::Batch one = frozen_.batch;
    for (at::Tensor* tensor : {&one.token_ids, &one.segments, &one.mask})
      *tensor = tensor->narrow(0, e, 1).narrow(1, 0, length);
    if (one.answerable.defined()) one.answerable = one.answerable.narrow(0, e, 1).narrow(1, 0, length);
    for (at::Tensor* tensor : {&one.lengths, &one.labels}) *tensor = tensor->narrow(0, e, 1);
    if (one.query.defined()) one.query = one.query.narrow(0, e, 1);
    probe::StepInputs inputs = inputs_;
    inputs.noise = inputs_.noise.narrow(2, e, 1).narrow(3, 0, length);
    probe::accumulate_step(*frozen_.model, one, {*layout_, parameters_}, inputs, parts);
  }
  EXPECT_LT(test::relative_difference(parts.gradient(), whole.gradient()), 1e-5);
  EXPECT_LT(test::relative_difference(parts.kl(), whole.kl()), 1e-5);
  EXPECT_LT(test::relative_difference(parts.keep_share(), whole.keep_share()), 1e-5);
  EXPECT_TRUE(parts.flips().equal(whole.flips()));
}

TEST_P(Objective, InactiveCellsHaveNoGradient) {
  const StepSums sums = step(parameters_);
  for (int p = 0; p < layout_->points(); ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) {
      const bool active = inputs_.active[p][s].item<bool>();
      double largest = 0;
      for (const auto& [name, gradient] : layout_->cell(sums.gradient(), p, s)) {
        largest = std::max(largest, gradient.abs().max().item<double>());
      }
      EXPECT_EQ(largest > 0, active) << p << " " << s;
      if (!active) {
        EXPECT_EQ(sums.kl()[p][s].item<float>(), 0.0F);
      }
    }
  }
}

TEST_P(Objective, WhatIsNotFiniteStaysInItsSeed) {
  const at::Tensor before = step(parameters_).gradient().clone();
  const at::Tensor spoiled = parameters_.clone();
  const int point = layout_->mode() == terms::Mode::input ? 0 : 1;
  test::named_cell(*layout_, spoiled, point, 0).at("gate.bias").fill_(std::nanf(""));
  const StepSums sums = step(spoiled);
  for (int p = 0; p < layout_->points(); ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) {
      const bool hit = s == 0 && (p == point || layout_->mode() == terms::Mode::input);
      EXPECT_EQ(std::isnan(sums.kl()[p][s].item<float>()), hit) << p << " " << s;
      if (hit) continue;
      const auto ours = layout_->cell(sums.gradient(), p, s);
      const auto expected = layout_->cell(before, p, s);
      for (std::size_t i = 0; i < ours.size(); ++i)
        EXPECT_TRUE(at::allclose(ours[i].second, expected[i].second, 1e-5, 1e-8));
    }
  }
}

class HardMasks : public testing::TestWithParam<std::tuple<std::string, terms::Mode>> {
 protected:
  static constexpr std::int64_t seeds = 2;
  void SetUp() override {
    at::manual_seed(6);
    frozen_ = test::frozen_model(std::get<0>(GetParam()));
    layout_ = std::make_unique<ProbeLayout>(std::get<1>(GetParam()), frozen_.widths(), seeds);
    parameters_ = test::spread_parameters(*layout_);
    clean_ = frozen_.model->clean(frozen_.batch);
    all_ = at::ones({layout_->points(), seeds}, at::kBool);
  }
  // Gate logits are at least 10 above or below zero.
  void set_gates(double bias) {
    const auto views = layout_->views(parameters_);
    for (std::size_t b = 0; b < views.size(); ++b) {
      if (layout_->blocks()[b].name == "gate.bias") at::Tensor(views[b]).fill_(bias);
    }
  }
  probe::HardMasks evaluate(const at::Tensor& active) const {
    return probe::evaluate_hard_masks({*frozen_.model, frozen_.batch, clean_}, {*layout_, parameters_}, active);
  }

  test::Frozen frozen_;
  std::unique_ptr<ProbeLayout> layout_;
  at::Tensor parameters_;
  model::Clean clean_;
  at::Tensor all_;
};

INSTANTIATE_TEST_SUITE_P(Models, HardMasks,
                         testing::Combine(testing::ValuesIn(test::model_names),
                                          testing::Values(terms::Mode::input, terms::Mode::hidden)),
                         [](const auto& instance) {
                           return test::test_name(std::get<0>(instance.param)) + "_" +
                                  std::string(terms::name_of(std::get<1>(instance.param)));
                         });

TEST_P(HardMasks, KeepingAllChangesNothing) {
  set_gates(20);
  const probe::HardMasks masks = evaluate(all_);
  EXPECT_LT(masks.kl.abs().max().item<double>(), 1e-6);
  EXPECT_EQ(masks.flipped.sum().item<float>(), 0.0F);
  EXPECT_TRUE(masks.keep_share.eq(1).all().item<bool>());
}

TEST_P(HardMasks, DroppingAllKeepsNothing) {
  set_gates(-20);
  const probe::HardMasks masks = evaluate(all_);
  EXPECT_EQ(masks.keep_share.abs().max().item<float>(), 0.0F);
  EXPECT_GT(masks.kl.max().item<double>(), 1e-3);
}

TEST_P(HardMasks, EqualThePlainPassWithGatesOfZeroAndOne) {
  if (layout_->mode() == terms::Mode::input) set_gates(3);  // gates multiply there: else nearly nothing is kept
  const probe::HardMasks masks = evaluate(all_);
  const at::Tensor tokens = frozen_.batch.mask;
  for (int p = 0; p < layout_->points(); ++p) {
    for (std::int64_t s = 0; s < seeds; ++s) {
      const at::Tensor gates = masks.keep_probability[p][s].gt(0.5).to(at::kFloat);
      const at::Tensor logits = test::plain_pass(frozen_, clean_, layout_->mode() == terms::Mode::input ? 0 : p, gates,
                                                 test::plain_replacement(*layout_, parameters_, p, s));
      at::Tensor kl = at::zeros({frozen_.batch.size()}, at::kDouble), flips = at::zeros({frozen_.batch.size()});
      for (std::int64_t e = 0; e < frozen_.batch.size(); ++e) {
        const at::Tensor clean = chances_of(frozen_, e, clean_.logits), masked = chances_of(frozen_, e, logits);
        kl[e] = (clean * (clean.log() - masked.log())).sum();
        flips[e] = decided(frozen_, e, masked) != decided(frozen_, e, clean) ? 1 : 0;
      }
      EXPECT_GE(masks.kl[p][s].min().item<double>(), 0.0);
      EXPECT_LT((masks.kl[p][s] - kl).abs().max().item<double>(), 1e-5 * (1 + kl.max().item<double>()));
      EXPECT_TRUE(masks.flipped[p][s].equal(flips));
      const at::Tensor share = (gates * tokens).sum(-1) / tokens.sum(-1);
      EXPECT_LT((masks.keep_share[p][s] - share).abs().max().item<double>(), 1e-6);
      // The probabilities are those of the probe written out.
      at::Tensor log_p = at::zeros({});
      for (int below = layout_->mode() == terms::Mode::input ? 0 : p; below <= p; ++below) {
        log_p = log_p + probe::log_keep_probability(test::plain_logits(*layout_, parameters_, below, s, clean_.states));
      }
      EXPECT_LT((masks.keep_probability[p][s] - log_p.exp()).abs().max().item<double>(), 1e-5);
    }
  }
  const double kept = masks.keep_share.mean().item<double>();
  EXPECT_GT(kept, 0.05) << "nothing to tell apart";
  EXPECT_LT(kept, 0.95) << "nothing to tell apart";
}

TEST_P(HardMasks, CellsNotAskedForAreNaNAndChangeNoOther) {
  const at::Tensor some = all_.clone();
  some[0][0] = false;
  some[layout_->points() - 1][1] = false;
  const probe::HardMasks whole = evaluate(all_);
  const probe::HardMasks masks = evaluate(some);
  const at::Tensor expected = some.unsqueeze(-1).expand(masks.kl.sizes());
  EXPECT_TRUE(masks.kl.isnan().equal(expected.logical_not()));
  EXPECT_TRUE(masks.flipped.isnan().equal(expected.logical_not()));
  EXPECT_TRUE(masks.keep_share.equal(whole.keep_share));
  EXPECT_TRUE(at::allclose(masks.kl.masked_select(expected), whole.kl.masked_select(expected), 1e-4, 1e-6));
  EXPECT_FALSE(masks.kl.requires_grad());
}

TEST(InputMasks, NestOverPoints) {
  for (const bool bert : {true, false}) {
    at::manual_seed(6);
    const test::Frozen frozen = bert ? test::tiny_bert() : test::counting_model();
    const ProbeLayout layout(terms::Mode::input, frozen.widths(), 4);
    const at::Tensor active = at::ones({layout.points(), 4}, at::kBool);
    const auto masks = probe::evaluate_hard_masks({*frozen.model, frozen.batch, frozen.model->clean(frozen.batch)},
                                                  {layout, test::spread_parameters(layout)}, active);
    const at::Tensor keep = probe::hard_gates(masks.keep_probability);
    for (std::int64_t p = 1; p < layout.points(); ++p) EXPECT_TRUE(keep[p].le(keep[p - 1]).all().item<bool>());
    EXPECT_LT(keep[layout.points() - 1].sum().item<double>(), keep[0].sum().item<double>()) << "nothing to tell apart";
  }
}

}  // namespace
}  // namespace layersweep
