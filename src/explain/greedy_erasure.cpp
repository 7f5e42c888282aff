#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "explain/methods.hpp"
#include "explain/trials.hpp"

namespace layersweep::explain {

at::Tensor greedy_erasure(const Subject& subject, const ExplainerSettings&) {
  const std::vector<std::int64_t> lengths = lengths_of(subject);
  at::Tensor result = missing_attribution(subject);
  auto cells = result.accessor<float, 2>();
  std::vector<float> reached(lengths.size(), 0.0F);  // the largest divergence so far
  const std::int64_t longest = *std::ranges::max_element(lengths);
  for (std::int64_t round = 0; round < longest; ++round) {
    Trials trials(subject);
    for (std::int64_t text = 0; text < subject.texts(); ++text) {
      for (std::int64_t token = 0; token < lengths[static_cast<std::size_t>(text)]; ++token) {
        if (!std::isnan(cells[text][token])) continue;  // dropped before
        float* gates = trials.add(text);
        for (std::int64_t other = 0; other < lengths[static_cast<std::size_t>(text)]; ++other) {
          if (other == token || !std::isnan(cells[text][other])) gates[other] = 0;
        }
      }
    }
    const std::vector<float> values = trials.divergences();
    std::size_t row = 0;
    for (std::int64_t text = 0; text < subject.texts(); ++text) {
      std::int64_t dropped = -1;
      float least = std::numeric_limits<float>::infinity();
      for (std::int64_t token = 0; token < lengths[static_cast<std::size_t>(text)]; ++token) {
        if (!std::isnan(cells[text][token])) continue;
        // A divergence that is not a number loses to all others, and yet the text comes to its end.
        if (values[row] < least || dropped < 0) {
          dropped = token;
          least = values[row];
        }
        ++row;
      }
      if (dropped < 0) continue;
      float& highest = reached[static_cast<std::size_t>(text)];
      highest = std::max(highest, least);
      cells[text][dropped] = highest;
    }
  }
  return result;
}

}  // namespace layersweep::explain
