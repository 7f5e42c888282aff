// The staircase pass equals one plain pass per copy, and computes no layer below the point at which a copy joins.
#include "probe/staircase.hpp"

#include "probe/gates.hpp"
#include "probe/hard_concrete.hpp"
#include "probe/support.hpp"

namespace layersweep {
namespace {

using probe::Cell;
using probe::Joining;
using probe::ProbeLayout;
using terms::Mode;

// fp32 sums in another order.
constexpr double tolerance = 1e-5;

// Passes everything on, and writes down what was asked for.
class Recorder final : public test::PassesOn {
 public:
  using PassesOn::PassesOn;
  struct Advance {
    int point;
    std::int64_t rows;
    model::Need need;
  };

  model::Rows advance(int point, const model::Rows& rows, const model::Batch& batch, model::Need need) const override {
    advances.push_back({point, rows.states.size(0), need});
    return PassesOn::advance(point, rows, batch, need);
  }

  mutable std::vector<Advance> advances;
};

class Staircase : public testing::TestWithParam<std::tuple<std::string, terms::Mode>> {
 protected:
  static constexpr std::int64_t seeds = 3;

  void SetUp() override {
    at::manual_seed(3);
    frozen_ = test::frozen_model(std::get<0>(GetParam()));
    mode_ = std::get<1>(GetParam());
    clean_ = frozen_.model->clean(frozen_.batch);
    const auto points = static_cast<std::int64_t>(clean_.states.size());
    // Some cells are missing: one in the middle, and at the last point all but one.
    active_ = at::ones({points, seeds}, at::kBool);
    active_[0][1] = false;
    active_[points - 1].narrow(0, 0, seeds - 1).fill_(false);
    gates_ = at::rand({points, seeds, frozen_.batch.size(), frozen_.batch.width()});
    gates_ = gates_.where(gates_.gt(0.2), 0.0).where(gates_.lt(0.7), 1.0);  // exact ends too
  }

  std::vector<at::Tensor> by_point(const at::Tensor& gates) const {
    std::vector<at::Tensor> result;
    for (std::int64_t p = 0; p < gates.size(0); ++p) result.push_back(gates.select(0, p));
    return result;
  }

  at::Tensor staircase(const model::Model& model, const ProbeLayout& layout, const at::Tensor& flat,
                       const at::Tensor& gates) const {
    return probe::staircase_pass(
        {model, frozen_.batch, clean_},
        probe::joining_copies(layout, layout.views(flat), probe::applied_gates(layout.mode(), by_point(gates)),
                              probe::cells_of(active_)));
  }

  // One copy after another, all from their own point.
  at::Tensor one_by_one(const ProbeLayout& layout, const at::Tensor& flat, const at::Tensor& gates) const {
    std::vector<at::Tensor> logits;
    for (int p = 0; p < layout.points(); ++p) {
      for (std::int64_t s = 0; s < seeds; ++s) {
        if (!active_[p][s].item<bool>()) continue;
        at::Tensor z = gates[p][s];
        for (int below = 0; mode_ == terms::Mode::input && below < p; ++below) z = z * gates[below][s];
        logits.push_back(test::plain_pass(frozen_, clean_, mode_ == terms::Mode::input ? 0 : p, z,
                                          test::plain_replacement(layout, flat, p, s)));
      }
    }
    return at::stack(logits);
  }

  test::Frozen frozen_;
  terms::Mode mode_ = terms::Mode::input;
  model::Clean clean_;
  at::Tensor active_, gates_;
};

INSTANTIATE_TEST_SUITE_P(Models, Staircase,
                         testing::Combine(testing::ValuesIn(test::model_names),
                                          testing::Values(terms::Mode::input, terms::Mode::hidden)),
                         [](const auto& instance) {
                           return test::test_name(std::get<0>(instance.param)) + "_" +
                                  std::string(terms::name_of(std::get<1>(instance.param)));
                         });

TEST_P(Staircase, ValuesAndGradientsEqualThoseOfOnePassPerCopy) {
  const ProbeLayout layout(mode_, frozen_.widths(), seeds);
  const at::Tensor flat = test::spread_parameters(layout);
  std::vector<at::Tensor> logits, of_gates, of_replacements;
  for (const bool at_once : {true, false}) {
    const at::Tensor gates = gates_.clone().requires_grad_();
    const at::Tensor parameters = flat.clone().requires_grad_();
    const at::Tensor out =
        at_once ? staircase(*frozen_.model, layout, parameters, gates) : one_by_one(layout, parameters, gates);
    ASSERT_EQ(out.size(0), active_.sum().item<std::int64_t>());
    (test::of_tokens(out) * at::arange(1, out.numel() + 1).view(out.sizes()).sin()).sum().backward();
    logits.push_back(test::of_tokens(out.detach()));
    of_gates.push_back(gates.grad());
    of_replacements.push_back(parameters.grad());
  }
  EXPECT_LT(test::relative_difference(logits[0], logits[1]), tolerance);
  EXPECT_LT(test::relative_difference(of_gates[0], of_gates[1]), tolerance);
  EXPECT_LT(test::relative_difference(of_replacements[0], of_replacements[1]), tolerance);
  // Padding is nobody's business: the gates of tokens that are not there have no gradient.
  const at::Tensor padding = frozen_.batch.mask.logical_not();
  EXPECT_EQ((of_gates[0] * padding).abs().max().item<float>(), 0.0F);
  EXPECT_GT(of_gates[0].abs().max().item<float>(), 1e-3F);
}

TEST_P(Staircase, OpenGatesGiveTheCleanOutput) {
  const ProbeLayout layout(mode_, frozen_.widths(), seeds);
  const at::Tensor logits = staircase(*frozen_.model, layout, test::spread_parameters(layout), at::ones_like(gates_));
  for (std::int64_t copy = 0; copy < logits.size(0); ++copy) {
    EXPECT_LT(test::relative_difference(test::of_tokens(logits[copy]), test::of_tokens(clean_.logits)), tolerance);
  }
}

TEST_P(Staircase, NoLayerIsComputedBelowTheJoiningPoint) {
  const ProbeLayout layout(mode_, frozen_.widths(), seeds);
  const Recorder recorder(*frozen_.model);
  staircase(recorder, layout, test::spread_parameters(layout), gates_);
  const int last = static_cast<int>(layout.points()) - 1;
  ASSERT_EQ(recorder.advances.size(), static_cast<std::size_t>(last));
  for (int p = 0; p < last; ++p) {
    const auto& advance = recorder.advances[static_cast<std::size_t>(p)];
    const at::Tensor climbing = mode_ == terms::Mode::input ? active_ : active_.slice(0, 0, p + 1);
    EXPECT_EQ(advance.point, p);
    EXPECT_EQ(advance.rows, climbing.sum().item<std::int64_t>() * frozen_.batch.size());
    EXPECT_EQ(advance.need == model::Need::read_out, p + 1 == last);
  }
}

TEST_P(Staircase, ACopyDoesNotDependOnItsNeighbours) {
  const ProbeLayout layout(mode_, frozen_.widths(), seeds);
  const at::Tensor flat = test::spread_parameters(layout);
  const at::Tensor together = staircase(*frozen_.model, layout, flat, gates_);
  const auto cells = probe::cells_of(active_);
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const at::Tensor alone =
        probe::staircase_pass({*frozen_.model, frozen_.batch, clean_},
                              probe::joining_copies(layout, layout.views(flat),
                                                    probe::applied_gates(layout.mode(), by_point(gates_)), {cells[c]}));
    EXPECT_LT(test::relative_difference(test::of_tokens(alone[0]), test::of_tokens(together[static_cast<std::int64_t>(c)])),
              tolerance)
        << c;
  }
}

TEST(Cells, AreInTheOrderOfPointsThenSeeds) {
  const auto cells = probe::cells_of(test::bools({{0, 1, 1}, {0, 0, 0}, {1, 0, 1}}));
  ASSERT_EQ(cells.size(), 4u);
  EXPECT_EQ(cells[0].point, 0);
  EXPECT_EQ(cells[0].seed, 1);
  EXPECT_EQ(cells[2].point, 2);
  EXPECT_EQ(cells[2].seed, 0);
}

TEST(LogKeepProbabilities, AddUpOverPointsInInputModeOnly) {
  const std::vector<at::Tensor> phi{at::randn({2, 3, 4}), at::randn({2, 3, 4}), at::randn({2, 3, 4})};
  const auto hidden = probe::log_keep_probabilities(terms::Mode::hidden, phi);
  const auto input = probe::log_keep_probabilities(terms::Mode::input, phi);
  for (std::size_t p = 0; p < 3; ++p) EXPECT_TRUE(hidden[p].equal(probe::log_keep_probability(phi[p])));
  EXPECT_TRUE(at::allclose(input[2], hidden[0] + hidden[1] + hidden[2]));
  EXPECT_TRUE(at::allclose(input[0], hidden[0]));
}

}  // namespace
}  // namespace layersweep
