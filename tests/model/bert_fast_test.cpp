// The hand-written layer equals the plain one: values, gradients, and what Need::read_out leaves.
#include <ATen/Parallel.h>

#include "model/support.hpp"

namespace layersweep {
namespace {

using model::Arithmetic;
using model::Need;
using model::Rows;

// fp32 sums in another order; gelu's erf is good to 1.5e-7.
constexpr double tolerance = 1e-5;

struct Size {
  const char* name;
  std::int64_t hidden, heads, inner;
  std::vector<std::int64_t> lengths;
  int threads;
};

class FastBert : public testing::TestWithParam<Size> {
 protected:
  void SetUp() override {
    at::manual_seed(5);
    threads_before_ = at::get_num_threads();
    at::set_num_threads(GetParam().threads);
    config_.layers = 2;
    config_.hidden = GetParam().hidden;
    config_.heads = GetParam().heads;
    config_.inner = GetParam().inner;
    config_.vocabulary = 50;
    config_.positions = 80;
    config_.head.classes = 4;
    config_.initial_range = 0.15;
    model::TransformerWeights weights = test::random_weights(config_, 3);
    for (at::Tensor* tensor : model::dense_tensors(config_, weights)) tensor->add_(at::randn_like(*tensor), 0.1);
    fast_ = model::make_transformer(config_, weights, 4, Arithmetic::fast);
    fast_bf16_ = model::make_transformer(config_, weights, 4, Arithmetic::fast_bf16);
    plain_ = model::make_transformer(config_, weights, 4, Arithmetic::plain);
    batch_ = test::random_batch(GetParam().lengths, config_.vocabulary);
    // Several rows per example, not in order.
    const auto examples = static_cast<std::int64_t>(GetParam().lengths.size());
    example_ = at::randint(0, examples, {3 * examples}, at::kLong);
  }
  void TearDown() override { at::set_num_threads(threads_before_); }

  // Logits and the gradient of a fixed functional of them, from random states at `point` all the way up.
  std::pair<at::Tensor, at::Tensor> run(const model::Model& model, int point, Need need, const at::Tensor& start) const {
    const at::Tensor states = start.detach().clone().requires_grad_();
    Rows rows{states, example_};
    for (int p = point; p <= config_.layers; ++p) rows = model.advance(p, rows, batch_, need);
    if (need == Need::all_tokens) rows = model.narrow_to_read_out(rows, batch_);
    const at::Tensor logits = model.read_out(rows, batch_);
    (logits * at::arange(1, logits.numel() + 1).view(logits.sizes()).sin()).sum().backward();
    return {logits.detach(), states.grad()};
  }

  int threads_before_ = 1;
  model::TransformerSpec config_;
  std::unique_ptr<model::Model> fast_, fast_bf16_, plain_;
  model::Batch batch_;
  at::Tensor example_;
};

// Widths that are and are not multiples of a vector, one token, more chunks than threads, padding and none.
INSTANTIATE_TEST_SUITE_P(Sizes, FastBert,
                         testing::Values(Size{"vectors", 64, 2, 128, {27, 30, 12}, 2},
                                         Size{"heads_of_8", 32, 4, 72, {9, 5, 17, 2}, 1}, Size{"odd", 30, 5, 41, {7, 19}, 2},
                                         Size{"one_token", 32, 2, 64, {1, 1}, 2},
                                         Size{"many_chunks", 32, 1, 32, std::vector<std::int64_t>(20, 33), 2},
                                         Size{"long_text", 48, 3, 64, {70, 33}, 1}),
                         [](const auto& instance) { return instance.param.name; });

TEST_P(FastBert, CleanStatesAndLogitsEqualThePlainOnes) {
  const model::Clean fast = fast_->clean(batch_);
  const model::Clean plain = plain_->clean(batch_);
  for (std::size_t point = 0; point < plain.states.size(); ++point) {
    EXPECT_LT(test::relative_difference(fast.states[point], plain.states[point]), tolerance) << "point " << point;
    EXPECT_FALSE(fast.states[point].requires_grad());
  }
  EXPECT_LT(test::relative_difference(fast.logits, plain.logits), tolerance);
}

TEST_P(FastBert, ValuesAndGradientsEqualThePlainOnesFromEveryPoint) {
  for (const Need need : {Need::all_tokens, Need::read_out}) {
    for (int point = 0; point <= config_.layers; ++point) {
      const at::Tensor start = at::randn({example_.size(0), batch_.width(), config_.hidden});
      const auto [logits, gradient] = run(*fast_, point, need, start);
      const auto [plain_logits, plain_gradient] = run(*plain_, point, need, start);
      EXPECT_LT(test::relative_difference(logits, plain_logits), tolerance) << "point " << point;
      EXPECT_LT(test::relative_difference(gradient, plain_gradient), tolerance) << "point " << point;
    }
  }
}

// Operands and results of the layers' products carry relative errors of 2^-9 (0.002), some twenty of them one after another
// on the way through two layers and back; without bf16 the differences are below 1e-5.
TEST_P(FastBert, Bf16IsNearAndReproducible) {
  const at::Tensor start = at::randn({example_.size(0), batch_.width(), config_.hidden});
  const auto [logits, gradient] = run(*fast_bf16_, 0, Need::read_out, start);
  const auto [plain_logits, plain_gradient] = run(*plain_, 0, Need::read_out, start);
  for (const double difference :
       {test::relative_difference(logits, plain_logits), test::relative_difference(gradient, plain_gradient)}) {
    EXPECT_LT(difference, 0.05);
    EXPECT_GT(difference, tolerance);
  }
  const auto [logits_again, gradient_again] = run(*fast_bf16_, 0, Need::read_out, start);
  EXPECT_TRUE(logits.equal(logits_again));
  EXPECT_TRUE(gradient.equal(gradient_again));
}

TEST_P(FastBert, EveryTokenOfALayerHasItsGradient) {
  const at::Tensor start = at::randn({example_.size(0), batch_.width(), config_.hidden});
  const at::Tensor weight = at::randn(start.sizes());
  std::vector<at::Tensor> gradients;
  for (const auto* model : {fast_.get(), plain_.get()}) {
    const at::Tensor states = start.clone().requires_grad_();
    const Rows rows = model->advance(1, {states, example_}, batch_, Need::read_out);  // not the last point: all tokens
    ASSERT_EQ(rows.states.sizes(), start.sizes());
    (rows.states * weight).sum().backward();
    gradients.push_back(states.grad());
  }
  EXPECT_LT(test::relative_difference(gradients[0], gradients[1]), tolerance);
}

TEST_P(FastBert, RecordingDoesNotChangeTheValues) {
  const at::Tensor start = at::randn({example_.size(0), batch_.width(), config_.hidden});
  for (const Need need : {Need::all_tokens, Need::read_out}) {
    const Rows without = fast_->advance(2, {start, example_}, batch_, need);
    const Rows with = fast_->advance(2, {start.clone().requires_grad_(), example_}, batch_, need);
    EXPECT_FALSE(without.states.requires_grad());
    EXPECT_TRUE(with.states.requires_grad());
    EXPECT_TRUE(with.states.equal(without.states));
  }
}

TEST_P(FastBert, TheSameCallGivesTheSameBits) {
  const at::Tensor start = at::randn({example_.size(0), batch_.width(), config_.hidden});
  const auto [logits, gradient] = run(*fast_, 0, Need::read_out, start);
  const auto [logits_again, gradient_again] = run(*fast_, 0, Need::read_out, start);
  EXPECT_TRUE(logits.equal(logits_again));
  EXPECT_TRUE(gradient.equal(gradient_again));
}

// Padding must not leak: a longer neighbour in the batch changes nothing but rounding.
TEST_P(FastBert, ARowDoesNotDependOnTheWidthOfItsBatch) {
  const std::int64_t length = batch_.lengths[0].item<std::int64_t>();
  model::Batch alone = batch_;
  for (at::Tensor* tensor : {&alone.token_ids, &alone.segments, &alone.mask})
    *tensor = tensor->slice(0, 0, 1).slice(1, 0, length);
  alone.lengths = batch_.lengths.slice(0, 0, 1);
  EXPECT_LT(test::relative_difference(fast_->clean(batch_).logits[0], fast_->clean(alone).logits[0]), tolerance);
}

// The plain version's gradient is LibTorch's; here the fast one against differences of its own values.
TEST(FastBertDifferences, GradientIsTheSlope) {
  at::manual_seed(1);
  model::TransformerSpec config;
  config.layers = 1;
  config.hidden = 8;
  config.heads = 2;
  config.inner = 12;
  config.vocabulary = 10;
  config.positions = 8;
  config.head.classes = 2;
  config.initial_range = 0.5;
  const auto model = model::make_transformer(config, test::random_weights(config, 1), -1);
  const model::Batch batch = test::random_batch({3, 2}, 10);
  const at::Tensor example = at::arange(2);
  const auto value = [&](const at::Tensor& states) {
    const Rows rows = model->advance(1, {states, example}, batch, Need::read_out);
    return (model->read_out(rows, batch) * at::tensor({1.0, -0.5})).sum();
  };
  const at::Tensor states = at::randn({2, 3, 8}).requires_grad_();
  value(states).backward();
  const double step = 1e-2;  // the error of the central difference is step², that of fp32 1e-7/step
  const at::Tensor flat = states.detach().view({-1});
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    at::Tensor up = flat.clone(), down = flat.clone();
    up[i] += step;
    down[i] -= step;
    const double slope =
        (value(up.view({2, 3, 8})).item<double>() - value(down.view({2, 3, 8})).item<double>()) / (2 * step);
    EXPECT_NEAR(slope, states.grad().view({-1})[i].item<double>(), 1e-3) << "entry " << i;
  }
}

}  // namespace
}  // namespace layersweep
