#include "stats/agreement.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace layersweep::stats {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double unit = 0x1p-32;

// Ranks as deviations from their mean, of length 1; empty where they do not vary.
std::vector<double> direction_of_ranks(std::span<const float> values) {
  std::vector<double> ranks = average_ranks(values);
  const double mean = (static_cast<double>(values.size()) + 1) / 2;
  double squared = 0;
  for (double& rank : ranks) {
    rank -= mean;
    squared += rank * rank;
  }
  if (squared == 0) return {};
  for (double& rank : ranks) rank /= std::sqrt(squared);
  return ranks;
}

}  // namespace

std::vector<double> average_ranks(std::span<const float> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (std::size_t i = first; i <= last; ++i) ranks[order[i]] = static_cast<double>(first + last) / 2 + 1;
    first = last + 1;
  }
  return ranks;
}

Agreement::Agreement(std::size_t seeds) : seeds_(seeds), counters_(1 + 3 * seeds * seeds, 0) {}

void Agreement::add_text(std::span<const float> keep_probability) {
  const std::size_t tokens = keep_probability.size() / seeds_;
  std::vector<std::vector<std::uint8_t>> masks(seeds_);
  std::vector<std::vector<double>> ranks(seeds_);
  for (std::size_t seed = 0; seed < seeds_; ++seed) {
    const auto row = keep_probability.subspan(seed * tokens, tokens);
    const bool has_mask = std::ranges::none_of(row, [](float p) { return std::isnan(p); });
    masks[seed].assign(tokens, 0);
    if (!has_mask) continue;
    for (std::size_t token = 0; token < tokens; ++token) masks[seed][token] = row[token] > 0.5F ? 1 : 0;
    ranks[seed] = direction_of_ranks(row);
  }
  counters_[0] += static_cast<std::int64_t>(tokens);
  const std::size_t table = seeds_ * seeds_;
  for (std::size_t a = 0; a < seeds_; ++a) {
    for (std::size_t b = a; b < seeds_; ++b) {
      counters_[1 + pair(a, b)] +=
          std::inner_product(masks[a].begin(), masks[a].end(), masks[b].begin(), std::int64_t{0}, std::plus(),
                             [](std::uint8_t x, std::uint8_t y) { return std::int64_t{x} & std::int64_t{y}; });
      if (a == b || ranks[a].empty() || ranks[b].empty()) continue;
      const double correlation = std::inner_product(ranks[a].begin(), ranks[a].end(), ranks[b].begin(), 0.0);
      counters_[1 + table + pair(a, b)] += std::llround(correlation / unit);
      counters_[1 + 2 * table + pair(a, b)] += 1;
    }
  }
}

AgreementFigures Agreement::among(std::span<const std::uint8_t> is_in) const {
  std::vector<std::size_t> chosen;
  for (std::size_t seed = 0; seed < seeds_; ++seed) {
    if (is_in[seed] != 0) chosen.push_back(seed);
  }
  const auto raters = static_cast<double>(chosen.size());
  const auto tokens = static_cast<double>(counters_[0]);
  if (chosen.size() < 2 || tokens == 0) return {nan, nan, nan};

  const std::size_t table = seeds_ * seeds_;
  double iou = 0, spearman = 0, ious = 0, spearmans = 0;
  double kept = 0, squared_votes = 0;  // over tokens, of the number of seeds that keep one
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const std::size_t a = chosen[i];
    kept += static_cast<double>(both_keep(a, a));
    squared_votes += static_cast<double>(both_keep(a, a));
    for (std::size_t j = i + 1; j < chosen.size(); ++j) {
      const std::size_t b = chosen[j];
      squared_votes += 2 * static_cast<double>(both_keep(a, b));
      if (const auto one = both_keep(a, a) + both_keep(b, b) - both_keep(a, b); one > 0) {
        iou += static_cast<double>(both_keep(a, b)) / static_cast<double>(one);
        ious += 1;
      }
      if (const auto texts = counters_[1 + 2 * table + pair(a, b)]; texts > 0) {
        spearman += unit * static_cast<double>(counters_[1 + table + pair(a, b)]) / static_cast<double>(texts);
        spearmans += 1;
      }
    }
  }
  // With v of n seeds keeping a token, v² + (n − v)² − n of its n·(n − 1) ordered pairs of seeds agree.
  const double agreeing = 2 * squared_votes - 2 * raters * kept + tokens * (raters * raters - raters);
  const double observed = agreeing / (tokens * raters * (raters - 1));
  const double share = kept / (tokens * raters);
  const double expected = share * share + (1 - share) * (1 - share);
  return {ious > 0 ? iou / ious : nan, spearmans > 0 ? spearman / spearmans : nan,
          expected < 1 ? (observed - expected) / (1 - expected) : nan};
}

}  // namespace layersweep::stats
