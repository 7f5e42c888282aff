// Laws of the accumulators: parts in any division are the whole, whatever lies beyond the bins is kept in bounds.
#include "stats/moments.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "stats/anisotropy.hpp"
#include "stats/norm_histogram.hpp"

namespace layersweep {
namespace {

TEST(Moments, PartsMergeToTheWhole) {
  const std::vector<float> values{1e6F, 1e6F + 1, 1e6F + 2, 1e6F + 4, 1e6F + 8, 1e6F + 16};
  std::vector<const float*> rows;
  for (const float& value : values) rows.push_back(&value);
  double mean = 0, variance = 0;
  for (const float value : values) mean += value / 6.0;
  for (const float value : values) variance += (value - mean) * (value - mean) / 6.0;
  for (std::size_t cut = 0; cut <= rows.size(); ++cut) {
    stats::Moments first(1), second(1);
    first.add(std::span(rows).first(cut));
    second.add(std::span(rows).subspan(cut));
    first.merge(second);
    ASSERT_EQ(first.count(), 6);
    EXPECT_NEAR(first.mean()[0], mean, 1e-8) << cut;
    EXPECT_NEAR(first.variance()[0], variance, 1e-8) << cut;  // by sums of squares of 1e12 nothing of it would be left
  }
  EXPECT_TRUE(stats::Moments(3).mean().empty());
}

TEST(NormHistogram, QuantilesLieWithinABin) {
  stats::NormHistogram even, odd;
  for (int i = 1; i <= 1000; ++i) (i % 2 == 0 ? even : odd).add(i * 0.01);
  even.merge(odd);
  EXPECT_EQ(even.count(), 1000);
  for (const double q : {0.001, 0.1, 0.25, 0.5, 0.75, 0.99}) {
    EXPECT_NEAR(std::log2(even.quantile(q)), std::log2(std::ceil(q * 1000) * 0.01), 1.0 / 64) << q;
  }
  EXPECT_EQ(even.quantile(0), 0.01);
  EXPECT_EQ(even.quantile(1), 10);
}

TEST(NormHistogram, KeepsWhatLiesBeyondItsBins) {
  stats::NormHistogram histogram;
  for (const double norm : {0.0, 1e-30, 1e30}) histogram.add(norm);
  EXPECT_EQ(histogram.count(), 3);
  EXPECT_EQ(histogram.quantile(0), 0);
  EXPECT_EQ(histogram.quantile(1), 1e30);
  EXPECT_LE(histogram.quantile(0.5), 0x1p-23);
  EXPECT_TRUE(std::isnan(stats::NormHistogram().quantile(0.5)));
}

TEST(Anisotropy, IsTheCosineBetweenTexts) {
  const std::vector<float> right{1, 0}, up{0, 2}, nothing{0, 0};
  const auto add = [](stats::Anisotropy& to, const std::vector<const float*>& rows) {
    std::vector<double> norms;
    for (const float* row : rows) norms.push_back(std::hypot(row[0], row[1]));
    to.add_text(rows, norms);
  };
  stats::Anisotropy one(2), other(2);
  add(one, {right.data(), right.data(), nothing.data()});
  EXPECT_TRUE(std::isnan(one.expected_cosine()));  // pairs within a text do not count
  add(other, {up.data()});
  one.merge(other);
  EXPECT_DOUBLE_EQ(one.expected_cosine(), 0);
  add(one, {right.data()});
  EXPECT_DOUBLE_EQ(one.expected_cosine(), 2.0 / 5);  // of 2 + 2 + 1 pairs of texts two are parallel
}

}  // namespace
}  // namespace layersweep
