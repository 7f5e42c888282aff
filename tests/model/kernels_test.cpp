// Every kernel table that this processor runs, against formulas in double precision.
#include "model/kernels.hpp"

#include "model/support.hpp"

namespace layersweep {
namespace {

class KernelTables : public testing::TestWithParam<const model::Kernels*> {};
INSTANTIATE_TEST_SUITE_P(Tables, KernelTables, testing::ValuesIn(model::runnable_kernels()),
                         [](const auto& instance) { return std::string(instance.param->name); });

TEST_P(KernelTables, GeluAndItsSlopeAreExact) {
  const at::Tensor x = at::linspace(-12, 12, 4001), bias = at::full({4001}, 0.25);
  at::Tensor value = x.clone(), slope = at::empty_like(x);
  GetParam()->bias_gelu(value.mutable_data_ptr<float>(), bias.const_data_ptr<float>(), 1, 4001,
                        slope.mutable_data_ptr<float>());
  const at::Tensor at_x = (x + bias).to(at::kDouble);
  const at::Tensor share = (1 + (at_x / std::sqrt(2.0)).erf()) / 2;
  // erf is good to 1.5e-7; the value is it times up to 12, and fp32 itself has 6e-8 of that.
  EXPECT_LT((value - at_x * share).abs().max().item<double>(), 2e-6);
  EXPECT_LT((slope - (share + at_x * (at_x.square() / -2).exp() / std::sqrt(2 * M_PI))).abs().max().item<double>(), 1e-6);
}

TEST_P(KernelTables, AttentionIsASoftmaxHoweverLargeTheScores) {
  at::manual_seed(1);
  const std::int64_t tokens = 21, keys = 19, heads = 3, width = 12, hidden = heads * width;
  const model::Kernels& k = *GetParam();
  const std::int64_t padded = (keys + k.lanes - 1) / k.lanes * k.lanes;
  for (const double size : {0.1, 1.0, 40.0}) {
    const at::Tensor qkv = at::randn({tokens, 3, hidden}) * size;
    at::Tensor probabilities = at::full({heads, tokens, padded}, 7.0), mixed = at::empty({tokens, hidden});
    const model::AttentionShape shape{tokens, keys, heads, width, 3 * hidden, 3 * hidden, hidden, padded};
    at::Tensor scratch = at::empty({k.attention_scratch(shape)});
    const float* q = qkv.const_data_ptr<float>();
    k.attention(shape, q, q + hidden, q + 2 * hidden, probabilities.mutable_data_ptr<float>(),
                mixed.mutable_data_ptr<float>(), scratch.mutable_data_ptr<float>());
    const at::Tensor split = qkv.to(at::kDouble).view({tokens, 3, heads, width}).permute({1, 2, 0, 3});
    const at::Tensor scores = at::matmul(split[0], split[1].transpose(1, 2)) / std::sqrt(double(width));
    const at::Tensor expected = scores.narrow(2, 0, keys).softmax(2);
    // A score of about 1,000 is known to 1e-4 in fp32, and a probability follows its score.
    const double tolerance = size > 1 ? 2e-3 : 2e-6;
    EXPECT_LT((probabilities.narrow(2, 0, keys) - expected).abs().max().item<double>(), tolerance);
    EXPECT_EQ(probabilities.narrow(2, keys, padded - keys).abs().max().item<double>(), 0);
    const at::Tensor values = at::matmul(expected, split[2].narrow(1, 0, keys)).permute({1, 0, 2}).reshape({tokens, hidden});
    EXPECT_LT((mixed - values).abs().max().item<double>(), tolerance * 4 * size);
  }
}

TEST_P(KernelTables, NormHasMeanZeroAndItsGradientToo) {
  at::manual_seed(1);
  const std::int64_t n = 5, width = 37;
  const at::Tensor x = at::randn({n, width}) + 100, zero = at::zeros({width}), one = at::ones({width}),
                   none = at::zeros({n, width});
  at::Tensor out = at::empty({n, width}), normalised = at::empty({n, width}), deviation = at::empty({n}),
             back = at::empty({n, width});
  GetParam()->add_norm(x.const_data_ptr<float>(), zero.const_data_ptr<float>(), none.const_data_ptr<float>(), width,
                       one.const_data_ptr<float>(), zero.const_data_ptr<float>(), 1e-12f, n, width,
                       out.mutable_data_ptr<float>(), normalised.mutable_data_ptr<float>(),
                       deviation.mutable_data_ptr<float>());
  EXPECT_LT(test::relative_difference(out, at::layer_norm(x.to(at::kDouble), {width}, {}, {}, 1e-12)), 5e-5);  // 100 in fp32
  const at::Tensor gradient = at::randn({n, width});
  GetParam()->norm_backward(gradient.const_data_ptr<float>(), width, one.const_data_ptr<float>(),
                            normalised.const_data_ptr<float>(), deviation.const_data_ptr<float>(), n, width,
                            back.mutable_data_ptr<float>());
  // A norm does not see shifts and scalings of its input, so its gradient has no part along them.
  EXPECT_LT(back.sum(1).abs().max().item<double>(), 1e-4);
  EXPECT_LT((back * normalised).sum(1).abs().max().item<double>(), 1e-4);
}

}  // namespace
}  // namespace layersweep
