// Laws of linear CKA (Kornblith et al. 2019, section 2): it does not see rotations, uniform scales and shifts.
#include "stats/linear_cka.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace layersweep {
namespace {

TEST(LinearCka, IsBlindToRotationScaleAndShift) {
  at::manual_seed(1);
  const std::int64_t tokens = 300, width = 8;
  const at::Tensor x = at::randn({tokens, width}) * at::arange(1, 9);
  const at::Tensor rotation = std::get<0>(at::linalg_qr(at::randn({width, width})));
  const std::vector<at::Tensor> points{x, (3 * x.mm(rotation) + 100).contiguous(), at::randn({tokens, 4})};
  stats::SampledStates sample({width, width, 4});
  for (std::int64_t t = 0; t < tokens; ++t) {
    std::vector<const float*> rows;
    for (const at::Tensor& point : points) rows.push_back(point[t].const_data_ptr<float>());
    sample.add(rows);
  }
  ASSERT_EQ(sample.count(), tokens);
  std::vector<double> mean = sample.sums();
  for (double& value : mean) value /= tokens;
  sample.centre(mean);
  const auto squared = [&](std::size_t p, std::size_t q) {
    std::vector<float> product(static_cast<std::size_t>(points[p].size(1) * points[q].size(1)));
    sample.cross_product(p, q, product);
    return stats::squared_norm(product);
  };
  EXPECT_NEAR(stats::linear_cka(squared(0, 1), squared(0, 0), squared(1, 1)), 1, 1e-5);  // fp32
  const double unrelated = stats::linear_cka(squared(0, 2), squared(0, 0), squared(2, 2));
  EXPECT_GT(unrelated, 0);
  EXPECT_LT(unrelated, 0.1);
  EXPECT_NEAR(squared(0, 2), squared(2, 0), 1e-6 * squared(0, 2));
  EXPECT_TRUE(std::isnan(stats::linear_cka(0, 0, 1)));
}

}  // namespace
}  // namespace layersweep
