// Agreement of masks: published and hand-computed figures, and laws.
#include "stats/agreement.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace layersweep {
namespace {

using Text = std::vector<float>;  // seeds x tokens

stats::Agreement agreement_of(std::size_t seeds, const std::vector<Text>& texts) {
  stats::Agreement agreement(seeds);
  for (const Text& text : texts) agreement.add_text(text);
  return agreement;
}

stats::AgreementFigures among_all(std::size_t seeds, const std::vector<Text>& texts) {
  return agreement_of(seeds, texts).among(std::vector<std::uint8_t>(seeds, 1));
}

TEST(Ranks, EqualValuesShareTheirMean) {
  const std::vector<float> values{0.5F, 0.1F, 0.5F, 0.9F, 0.5F};
  EXPECT_EQ(stats::average_ranks(values), (std::vector<double>{3, 1, 3, 5, 3}));  // scipy.stats.rankdata
}

TEST(Agreement, FiguresByHand) {
  // Votes of the three seeds per token: 3, 2, 2, 1, 0, 3.
  const Text text{1, 1, 1, 0, 0, 1,  //
                  1, 1, 0, 1, 0, 1,  //
                  1, 0, 1, 0, 0, 1};
  const auto figures = among_all(3, {text});
  EXPECT_DOUBLE_EQ(figures.iou, (3.0 / 5 + 3.0 / 4 + 2.0 / 5) / 3);
  // statsmodels.stats.inter_rater.fleiss_kappa([[0,3],[1,2],[1,2],[2,1],[3,0],[0,3]]): observed (1 + 1/3 + 1/3 + 1/3 + 1 +
  // 1) / 6 = 2/3, expected (11/18)² + (7/18)².
  const double expected = (11.0 * 11 + 7 * 7) / (18 * 18);
  EXPECT_NEAR(figures.kappa, (2.0 / 3 - expected) / (1 - expected), 1e-12);
  // The rank correlation of two 0/1 lists is their phi coefficient (n11·n00 − n10·n01) / √(row and column sums).
  const double first_second = (3 * 1 - 1 * 1) / std::sqrt(4.0 * 2 * 4 * 2);
  const double first_third = (3 * 2 - 1 * 0) / std::sqrt(4.0 * 2 * 3 * 3);
  const double second_third = (2 * 1 - 2 * 1) / std::sqrt(4.0 * 2 * 3 * 3);
  EXPECT_NEAR(figures.spearman, (first_second + first_third + second_third) / 3, 1e-9);
}

TEST(Agreement, RanksAreComparedWithinTexts) {
  // Without ties 1 − 6·Σd²/(n·(n² − 1)): first text 1 − 6·2/24 = 0.5, second −1; in one list of six they would be near 1.
  const auto figures = among_all(2, {{0.1F, 0.2F, 0.3F, 0.1F, 0.3F, 0.2F}, {0.7F, 0.8F, 0.9F, 0.9F, 0.8F, 0.7F}});
  EXPECT_NEAR(figures.spearman, -0.25, 1e-9);
}

TEST(Agreement, FleissKappaOfTwoRatersIsScottsPi) {
  // Votes 2 x 4, 1 x 3, 0 x 3 tokens: pi = (0.7 − (0.55² + 0.45²)) / (1 − (0.55² + 0.45²)).
  const Text text{1, 1, 1, 1, 1, 0, 1, 0, 0, 0,  //
                  1, 1, 1, 1, 0, 1, 0, 0, 0, 0};
  const double expected = 0.55 * 0.55 + 0.45 * 0.45;
  EXPECT_NEAR(among_all(2, {text}).kappa, (0.7 - expected) / (1 - expected), 1e-12);
}

TEST(Agreement, EqualMasksAgreeFully) {
  const auto figures = among_all(2, {{0.9F, 0.1F, 0.2F, 0.9F, 0.1F, 0.2F}});
  EXPECT_DOUBLE_EQ(figures.iou, 1);
  EXPECT_NEAR(figures.spearman, 1, 1e-9);
  EXPECT_DOUBLE_EQ(figures.kappa, 1);
}

TEST(Agreement, OnlyChosenSeedsCount) {
  const Text text{1, 1, 0, 0,  //
                  0, 0, 1, 1,  //
                  1, 0, 0, 0};
  const std::vector<std::uint8_t> chosen{1, 0, 1};
  EXPECT_DOUBLE_EQ(agreement_of(3, {text}).among(chosen).iou, 0.5);
  EXPECT_DOUBLE_EQ(agreement_of(3, {text}).among(chosen).kappa, among_all(2, {{1, 1, 0, 0, 1, 0, 0, 0}}).kappa);
  const auto one = agreement_of(3, {text}).among(std::vector<std::uint8_t>{0, 1, 0});
  EXPECT_TRUE(std::isnan(one.iou) && std::isnan(one.spearman) && std::isnan(one.kappa));
}

TEST(Agreement, WhatIsNotDefinedIsMissing) {
  const auto all_kept = among_all(2, {{1, 1, 1, 1}});
  EXPECT_DOUBLE_EQ(all_kept.iou, 1);
  EXPECT_TRUE(std::isnan(all_kept.spearman) && std::isnan(all_kept.kappa));
  EXPECT_TRUE(std::isnan(among_all(2, {{0, 0, 0, 0}}).iou));
  // A text that does not vary for one seed does not count in the mean over texts.
  EXPECT_NEAR(among_all(2, {{0.1F, 0.2F, 0.1F, 0.2F}, {1, 1, 0.1F, 0.2F}}).spearman, 1, 1e-9);
}

TEST(Agreement, CountersOfPartsAddUp) {
  const std::vector<Text> texts{{0.9F, 0.1F, 0.4F, 0.6F}, {0.2F, 0.8F, 0.7F, 0.3F}, {0.1F, 0.9F, 0.6F, 0.7F}};
  const auto whole = agreement_of(2, texts);
  auto first = agreement_of(2, {texts[0]});
  auto rest = agreement_of(2, {texts[1], texts[2]});
  for (std::size_t i = 0; i < first.counters().size(); ++i) first.counters()[i] += rest.counters()[i];
  const std::vector<std::uint8_t> both{1, 1};
  EXPECT_EQ(first.among(both).iou, whole.among(both).iou);
  EXPECT_EQ(first.among(both).spearman, whole.among(both).spearman);
  EXPECT_EQ(first.among(both).kappa, whole.among(both).kappa);
}

}  // namespace
}  // namespace layersweep
