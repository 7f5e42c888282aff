// What each read-out reads, and that a last layer that computes just that gives what one of all tokens gives.
#include "model/read_out.hpp"

#include "model/bert.hpp"
#include "model/support.hpp"

namespace layersweep {
namespace {

using model::ReadOut;

class ReadOuts : public testing::TestWithParam<ReadOut> {};
INSTANTIATE_TEST_SUITE_P(All, ReadOuts,
                         testing::Values(ReadOut::first, ReadOut::last, ReadOut::mean, ReadOut::every, ReadOut::given));

model::Batch texts() {
  model::Batch batch = test::random_batch({7, 3, 5}, 40);
  batch.positions = at::tensor({6, 1, 0, 2, 4, 4}, at::kLong).view({3, 2});
  return batch;
}

TEST_P(ReadOuts, AreWhatTheirNamesSay) {
  const model::Batch batch = texts();
  const at::Tensor example = at::tensor({2, 0, 2}, at::kLong);
  const at::Tensor states = at::randn({3, 7, 4});
  const model::Reading reading(GetParam(), batch, example);
  const at::Tensor joined = reading.joined(reading.of(states));
  for (std::int64_t row = 0; row < 3; ++row) {
    const std::int64_t text = example[row].item<std::int64_t>(), length = batch.lengths[text].item<std::int64_t>();
    const at::Tensor expected = GetParam() == ReadOut::first   ? states[row][0]
                                : GetParam() == ReadOut::last  ? states[row][length - 1]
                                : GetParam() == ReadOut::mean  ? states[row].narrow(0, 0, length).mean(0)
                                : GetParam() == ReadOut::every ? states[row]
                                                               : states[row].index_select(0, batch.positions[text]);
    EXPECT_LT(test::relative_difference(joined[row], expected), 1e-6);
  }
}

TEST_P(ReadOuts, ALastLayerOfJustTheseTokensGivesTheSame) {
  if (GetParam() == ReadOut::every) return;  // no classes come of every token; families_test has spans
  at::manual_seed(2);
  for (const bool decoder : {false, true}) {
    model::TransformerSpec spec;
    spec.layers = 2;
    spec.hidden = 16;
    spec.heads = 4;
    spec.inner = 24;
    spec.vocabulary = 40;
    spec.positions = 8;
    spec.head.classes = 3;
    spec.initial_range = 0.3;
    spec.class_read_out = GetParam();
    if (decoder) {
      spec.norm_place = model::NormPlace::before;
      spec.position = model::Positions::rotary;
      spec.causal = true;
    }
    auto names = test::files_of("bert").names;
    names.push_back({model::Part::final_norm, "norm"});
    const auto weights = model::random_weights(spec, names, 1);
    const model::Batch batch = texts();
    const at::Tensor example = at::tensor({2, 0, 1, 2}, at::kLong);
    const at::Tensor start = at::randn({4, 7, 16});
    std::vector<at::Tensor> logits, gradients;
    for (const auto arithmetic : {model::Arithmetic::fast, model::Arithmetic::plain}) {  // plain computes every token
      const auto model = model::make_transformer(spec, weights, -1, arithmetic);
      const at::Tensor states = start.clone().requires_grad_();
      const int last = static_cast<int>(model->points().size()) - 2;
      const model::Rows rows = model->advance(last, {states, example}, batch, model::Need::read_out);
      if (GetParam() == ReadOut::first || GetParam() == ReadOut::last) {
        EXPECT_EQ(rows.states.size(1), 1);
      }
      if (GetParam() == ReadOut::given) {
        EXPECT_EQ(rows.states.size(1), 2);
      }
      logits.push_back(model->read_out(rows, batch));
      (logits.back() * at::arange(1, logits.back().numel() + 1).view(logits.back().sizes()).sin()).sum().backward();
      gradients.push_back(states.grad());
    }
    EXPECT_LT(test::relative_difference(logits[0], logits[1]), 1e-5) << decoder;
    EXPECT_LT(test::relative_difference(gradients[0], gradients[1]), 1e-5) << decoder;
  }
}

}  // namespace
}  // namespace layersweep
