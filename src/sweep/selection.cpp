#include "sweep/selection.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.hpp"

namespace layersweep::sweep {
namespace {

double mean(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// Larger is better. NaN (a probe that failed) loses against everything.
std::tuple<int, double> rank(const Score& score, const Constraint& constraint) {
  if (std::isnan(score.kl)) return {-1, 0.0};
  if (is_accepted(score, constraint)) return {2, -score.keep_share};
  if (score.kl <= constraint.epsilon) return {1, -score.keep_share};
  return {0, -score.kl};
}

std::tuple<int, int, double> rank(std::span<const Score> points, const Constraint& constraint) {
  int accepted = 0;
  int within = 0;
  double keep = 0;
  for (const Score& score : points) {
    if (std::isnan(score.kl)) return {-1, 0, 0.0};
    accepted += is_accepted(score, constraint) ? 1 : 0;
    within += score.kl <= constraint.epsilon ? 1 : 0;
    keep += score.keep_share;
  }
  return {accepted, within, -keep};
}

}  // namespace

Score summarise(std::span<const float> kl, std::span<const float> flipped, std::span<const float> keep_share) {
  base::ensure(!kl.empty() && kl.size() == flipped.size() && kl.size() == keep_share.size(),
               "per-example values of equal length");
  Score score{mean(kl), 0, 0, mean(flipped), mean(keep_share)};
  std::vector<float> sorted(kl.begin(), kl.end());
  // Nearest rank: the smallest value that at least 95 % of the examples do not exceed.
  const auto nth = static_cast<std::ptrdiff_t>(std::ceil(0.95 * static_cast<double>(sorted.size()))) - 1;
  if (std::isnan(score.kl)) return {score.kl, score.kl, score.kl, score.flips, score.keep_share};
  std::nth_element(sorted.begin(), sorted.begin() + nth, sorted.end());
  score.kl_p95 = sorted[static_cast<std::size_t>(nth)];
  score.kl_max = *std::max_element(sorted.begin(), sorted.end());
  return score;
}

bool is_accepted(const Score& score, const Constraint& constraint) {
  return score.kl <= constraint.epsilon && score.flips <= constraint.flip_limit;
}

bool is_better(const Score& challenger, const Score& holder, const Constraint& constraint) {
  return rank(challenger, constraint) > rank(holder, constraint);
}

bool is_better(std::span<const Score> challenger, std::span<const Score> holder, const Constraint& constraint) {
  return rank(challenger, constraint) > rank(holder, constraint);
}

std::vector<std::int32_t> choose_seeds_per_point(const std::vector<std::vector<Score>>& scores,
                                                 const Constraint& constraint) {
  std::vector<std::int32_t> chosen;
  for (const auto& seeds : scores) {
    std::size_t best = 0;
    for (std::size_t s = 1; s < seeds.size(); ++s) {
      if (is_better(seeds[s], seeds[best], constraint)) best = s;
    }
    chosen.push_back(is_accepted(seeds[best], constraint) ? static_cast<std::int32_t>(best) : -1);
  }
  return chosen;
}

std::vector<Score> points_of(const std::vector<std::vector<Score>>& scores, std::size_t seed) {
  std::vector<Score> points;
  for (const auto& at_point : scores) points.push_back(at_point[seed]);
  return points;
}

std::vector<std::int32_t> choose_one_seed(const std::vector<std::vector<Score>>& scores, const Constraint& constraint) {
  const std::size_t seeds = scores.front().size();
  std::size_t best = 0;
  for (std::size_t s = 1; s < seeds; ++s) {
    if (is_better(points_of(scores, s), points_of(scores, best), constraint)) best = s;
  }
  std::vector<std::int32_t> chosen;
  for (const auto& at_point : scores)
    chosen.push_back(is_accepted(at_point[best], constraint) ? static_cast<std::int32_t>(best) : -1);
  return chosen;
}

}  // namespace layersweep::sweep
