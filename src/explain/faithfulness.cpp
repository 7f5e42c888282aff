#include "explain/faithfulness.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/logical_not.h>
#include <ATen/ops/logical_or.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.hpp"

namespace layersweep::explain {
namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

double divergence_of(const std::vector<double>& p, const std::vector<double>& q) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] > 0) sum += p[i] * std::log(p[i] / q[i]);
  }
  return sum;
}

}  // namespace

at::Tensor first_tokens(const at::Tensor& attribution, const at::Tensor& ranked, std::span<const std::int64_t> count) {
  at::Tensor chosen = at::zeros(attribution.sizes(), at::kBool);
  const at::Tensor values = attribution.to(at::kFloat).contiguous();
  const auto value = values.accessor<float, 2>();
  const auto may = ranked.accessor<bool, 2>();
  auto out = chosen.accessor<bool, 2>();
  for (std::int64_t text = 0; text < attribution.size(0); ++text) {
    std::vector<std::int64_t> order;
    for (std::int64_t token = 0; token < attribution.size(1); ++token) {
      if (may[text][token]) order.push_back(token);
    }
    std::ranges::stable_sort(order, std::greater(), [&](std::int64_t token) { return value[text][token]; });
    for (std::int64_t i = 0; i < std::min(count[static_cast<std::size_t>(text)], std::ssize(order)); ++i) {
      out[text][order[static_cast<std::size_t>(i)]] = true;
    }
  }
  return chosen;
}

Faithfulness measure_faithfulness(const Subject& subject, const at::Tensor& attribution, const at::Tensor& ranked,
                                  std::span<const double> shares) {
  const at::Tensor text = repeated_texts(subject, 1);
  const auto probability = [&](const at::Tensor& outputs) { return prediction_score(subject, outputs, text).exp(); };
  const at::Tensor explained = at::logical_not(at::logical_and(attribution.isnan(), subject.batch.mask).any(/*dim=*/1));
  const auto where_explained = [&](const at::Tensor& values) {
    return at::where(explained, values, std::numeric_limits<float>::quiet_NaN());
  };
  const at::Tensor tokens = ranked.sum(1);
  std::vector<at::Tensor> kept, dropped;
  for (const double share : shares) {
    std::vector<std::int64_t> count;
    // A share such as 0.1 of 10 tokens must not become 2 by rounding.
    for (std::int64_t b = 0; b < subject.texts(); ++b) {
      count.push_back(
          static_cast<std::int64_t>(std::ceil(share * static_cast<double>(tokens[b].item<std::int64_t>()) - 1e-9)));
    }
    const at::Tensor first = first_tokens(attribution, ranked, count);
    const at::Tensor without = at::logical_not(first).to(at::kFloat);
    const at::Tensor only = at::logical_or(first, at::logical_not(ranked)).to(at::kFloat);
    kept.push_back(where_explained(probability(masked_outputs(subject, only, text))));
    dropped.push_back(where_explained(probability(masked_outputs(subject, without, text))));
  }
  return {where_explained(probability(subject.clean.logits)), at::stack(kept), at::stack(dropped)};
}

TruthMatch match_truth(std::span<const float> attribution, std::span<const std::uint8_t> truth) {
  base::ensure(attribution.size() == truth.size(), "there is an attribution for every token");
  const auto truths = static_cast<double>(std::ranges::count(truth, 1));
  double sum = 0;
  for (const float value : attribution) sum += std::abs(static_cast<double>(value));
  if (truths == 0 || !(sum > 0) || std::isinf(sum)) return {missing, missing, missing};
  std::vector<double> p, q, middle;
  std::vector<std::size_t> order(truth.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = 0; i < truth.size(); ++i) {
    p.push_back(truth[i] == 1 ? 1 / truths : 0);
    q.push_back(std::abs(static_cast<double>(attribution[i])) / sum);
    middle.push_back((p[i] + q[i]) / 2);
  }
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t token) { return q[token]; });
  double right = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(truths); ++i) right += truth[order[i]] == 1 ? 1 : 0;
  return {divergence_of(p, q), (divergence_of(p, middle) + divergence_of(q, middle)) / 2, right / truths};
}

}  // namespace layersweep::explain
