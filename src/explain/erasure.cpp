#include "explain/erasure.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace layersweep::explain {
namespace {

std::vector<std::int64_t> lengths_of(const Subject& subject) {
  const std::int64_t* lengths = subject.batch.lengths.const_data_ptr<std::int64_t>();
  return {lengths, lengths + subject.texts()};
}

/// Rows of gates over all texts of a batch, evaluated together.
class Trials {
 public:
  explicit Trials(const Subject& subject) : subject_(subject) {}

  /// A new row of `text`, everything kept; its gates.
  float* add(std::int64_t text) {
    text_.push_back(text);
    gates_.insert(gates_.end(), static_cast<std::size_t>(subject_.width()), 1.0F);
    return gates_.data() + gates_.size() - subject_.width();
  }
  bool empty() const { return text_.empty(); }

  std::vector<float> divergences() {
    const auto rows = static_cast<std::int64_t>(text_.size());
    const at::Tensor gates = at::from_blob(gates_.data(), {rows, subject_.width()}, at::kFloat);
    const at::Tensor values = masked_divergence(subject_, gates, at::tensor(text_, at::kLong)).contiguous();
    return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + rows};
  }

 private:
  const Subject& subject_;
  std::vector<std::int64_t> text_;
  std::vector<float> gates_;
};

at::Tensor missing_attribution(const Subject& subject) {
  return at::full({subject.texts(), subject.width()}, std::numeric_limits<float>::quiet_NaN(), at::kFloat);
}

}  // namespace

at::Tensor LeaveOneOut::attribute(const Subject& subject) const {
  const std::vector<std::int64_t> lengths = lengths_of(subject);
  Trials trials(subject);
  for (std::int64_t text = 0; text < subject.texts(); ++text) {
    for (std::int64_t token = 0; token < lengths[static_cast<std::size_t>(text)]; ++token) trials.add(text)[token] = 0;
  }
  const std::vector<float> values = trials.divergences();
  at::Tensor result = missing_attribution(subject);
  auto cells = result.accessor<float, 2>();
  std::size_t row = 0;
  for (std::int64_t text = 0; text < subject.texts(); ++text) {
    for (std::int64_t token = 0; token < lengths[static_cast<std::size_t>(text)]; ++token)
      cells[text][token] = values[row++];
  }
  return result;
}

at::Tensor ExactErasure::attribute(const Subject& subject) const {
  struct Search {
    std::int64_t text;
    std::int64_t length;
    std::vector<std::uint32_t> kept;  // the sets on trial, a bit for each token
  };
  std::vector<Search> open;
  const std::vector<std::int64_t> lengths = lengths_of(subject);
  for (std::int64_t text = 0; text < subject.texts(); ++text) {
    const std::int64_t length = lengths[static_cast<std::size_t>(text)];
    if (length <= most_tokens) open.push_back({text, length, {}});
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

at::Tensor GreedyErasure::attribute(const Subject& subject) const {
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
