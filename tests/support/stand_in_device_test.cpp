// The stand-in device does what tests rely on: it computes as CPUs do, and it catches what a GPU would not bear.
#include "support/stand_in_device.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <csignal>

namespace layersweep {
namespace {

at::Tensor there(const at::Tensor& tensor) { return tensor.to(test::stand_in_device()); }

TEST(StandInDevice, ComputesAsCpusDo) {
  at::manual_seed(1);
  const at::Tensor a = at::randn({3, 5}), b = at::randn({5, 4}), mask = at::rand({3, 4}).gt(0.5);
  const auto f = [](const at::Tensor& x, const at::Tensor& y, const at::Tensor& m) {
    return at::softmax(at::matmul(x, y).masked_fill(m, -1.0), -1) * 2 + at::arange(4, x.options());
  };
  const at::Tensor result = f(there(a), there(b), there(mask));
  EXPECT_EQ(result.device(), test::stand_in_device());
  EXPECT_TRUE(result.cpu().equal(f(a, b, mask)));
  EXPECT_TRUE(there(a).transpose(0, 1).narrow(0, 1, 2).contiguous().cpu().equal(a.transpose(0, 1).narrow(0, 1, 2)));
}

TEST(StandInDevice, Differentiates) {
  at::manual_seed(1);
  const at::Tensor x = at::randn({3, 8}), weight = at::randn({8});
  const auto gradient = [&](at::Tensor leaf, const at::Tensor& w) {
    leaf = leaf.detach().requires_grad_();
    at::gelu(at::layer_norm(leaf, {8}, w, w)).square().sum().backward();
    return leaf.grad();
  };
  EXPECT_TRUE(gradient(there(x), there(weight)).cpu().equal(gradient(x, weight)));
}

TEST(StandInDevice, WritesIntoViews) {
  at::Tensor all = there(at::zeros({2, 3}));
  all.select(1, 1).copy_(at::ones({2}));
  all.narrow(1, 2, 1).fill_(5).mul_(2);
  EXPECT_TRUE(all.cpu().equal(at::tensor({0.0F, 1.0F, 10.0F, 0.0F, 1.0F, 10.0F}).view({2, 3})));
}

TEST(StandInDevice, RefusesWhatLiesInTwoPlaces) {
  const at::Tensor host = at::ones({3});
  EXPECT_THROW(there(host) + host, std::exception);
  EXPECT_THROW(host * there(host), std::exception);
  EXPECT_THROW(at::cat({there(host), host}), std::exception);
  EXPECT_THROW(there(host).index_select(0, at::zeros({1}, at::kLong)), std::exception);
  EXPECT_TRUE((there(host) * at::scalar_tensor(2)).cpu().equal(host * 2));  // a number goes with everything
}

TEST(StandInDeviceDeathTest, KillsWhoReadsItsMemory) {
  const at::Tensor tensor = there(at::ones({3}));
  EXPECT_EXIT(std::exit(static_cast<int>(*static_cast<volatile float*>(tensor.data_ptr<float>()))),
              testing::KilledBySignal(SIGSEGV), "");
}

}  // namespace
}  // namespace layersweep
