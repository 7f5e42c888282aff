#include <bit>
#include <vector>

#include "explain/methods.hpp"
#include "explain/trials.hpp"

namespace layersweep::explain {

at::Tensor exact_erasure(const Subject& subject, const ExplainerSettings&) {
  struct Search {
    std::int64_t text;
    std::int64_t length;
    std::vector<std::uint32_t> kept;  // the sets on trial, a bit for each token
  };
  std::vector<Search> open;
  const std::vector<std::int64_t> lengths = lengths_of(subject);
  for (std::int64_t text = 0; text < subject.texts(); ++text) {
    const std::int64_t length = lengths[static_cast<std::size_t>(text)];
    if (length <= most_tokens_erased_exactly) open.push_back({text, length, {}});
  }
  at::Tensor result = missing_attribution(subject);
  auto cells = result.accessor<float, 2>();
  // By the size of the kept set, so that the first size with an acceptable set is the smallest; all texts side by side.
  for (int size = 0; !open.empty(); ++size) {
    Trials trials(subject);
    for (Search& search : open) {
      search.kept.clear();
      for (std::uint32_t kept = 0; kept < (1U << search.length); ++kept) {
        if (std::popcount(kept) != size) continue;
        search.kept.push_back(kept);
        float* gates = trials.add(search.text);
        for (std::int64_t token = 0; token < search.length; ++token) gates[token] = (kept >> token) & 1U ? 1.0F : 0.0F;
      }
    }
    const std::vector<float> values = trials.divergences();
    std::size_t row = 0;
    std::erase_if(open, [&](const Search& search) {
      std::vector<float> holds(static_cast<std::size_t>(search.length), 0.0F);
      std::int64_t acceptable = 0;
      for (const std::uint32_t kept : search.kept) {
        // Everything kept changes nothing, whatever rounding says.
        if (!(values[row++] <= subject.epsilon) && size < search.length) continue;
        ++acceptable;
        for (std::size_t token = 0; token < holds.size(); ++token) holds[token] += static_cast<float>((kept >> token) & 1U);
      }
      if (acceptable == 0) return false;
      for (std::size_t token = 0; token < holds.size(); ++token) {
        cells[search.text][static_cast<std::int64_t>(token)] = holds[token] / static_cast<float>(acceptable);
      }
      return true;
    });
  }
  return result;
}

}  // namespace layersweep::explain
