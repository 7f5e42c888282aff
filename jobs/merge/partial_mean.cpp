#include "jobs/merge/partial_mean.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

namespace layersweep::jobs {
namespace {

// Sum over the texts that are still open, by the first parts that hold exactly these. There are few splits.
std::optional<double> sum_over(std::span<const PartialMean> parts, const std::vector<std::int64_t>& open) {
  const auto next = std::ranges::find_if(open, [](std::int64_t texts) { return texts > 0; });
  if (next == open.end()) return 0;
  for (const PartialMean& part : parts) {
    if (std::isnan(part.mean) || part.texts[static_cast<std::size_t>(next - open.begin())] == 0) continue;
    std::vector<std::int64_t> rest = open;
    bool fits = true;
    for (std::size_t split = 0; split < rest.size(); ++split) {
      fits &= part.texts[split] == 0 || part.texts[split] == open[split];
      rest[split] -= part.texts[split];
    }
    if (!fits) continue;
    const auto texts = std::accumulate(part.texts.begin(), part.texts.end(), std::int64_t{0});
    if (const auto others = sum_over(parts, rest)) return double{part.mean} * static_cast<double>(texts) + *others;
  }
  return std::nullopt;
}

}  // namespace

float mean_of_parts(std::span<const PartialMean> parts) {
  constexpr float missing = std::numeric_limits<float>::quiet_NaN();
  if (parts.empty()) return missing;
  std::vector<std::int64_t> wanted(parts.front().texts.size(), 0);
  for (const PartialMean& part : parts) {
    std::ranges::transform(wanted, part.texts, wanted.begin(), [](auto a, auto b) { return std::max(a, b); });
  }
  const auto texts = std::accumulate(wanted.begin(), wanted.end(), std::int64_t{0});
  const auto sum = sum_over(parts, wanted);
  return texts == 0 || !sum ? missing : static_cast<float>(*sum / static_cast<double>(texts));
}

}  // namespace layersweep::jobs
