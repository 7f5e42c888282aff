#include "jobs/merge/cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <concepts>

#include "base/error.hpp"

namespace layersweep::jobs {
namespace {

// The unmodified model's output may come from other processors or divisions of the work: their rounding, in logits of order
// 1 to 10.
constexpr double output_tolerance = 1e-3;

template <store::Cell T>
bool agree(T a, T b, store::Merge merge) {
  if (merge == store::Merge::first || merge == store::Merge::explanation) return true;
  if constexpr (std::floating_point<T>) {
    if (merge == store::Merge::output) return std::abs(a - b) <= output_tolerance * std::max<T>(1, std::abs(a));
  }
  return a == b;
}

}  // namespace

std::vector<MergedCells::Block> MergedCells::blocks(const store::PlannedVariable& variable) const {
  std::vector<std::vector<Segment>> segments;
  const std::size_t dimensions = variable.spec->is_text() ? 1 : variable.shape.size();
  for (std::size_t d = 0; d < dimensions; ++d) segments.push_back(plan_.segments(variable, d));
  std::vector<Block> all;
  std::vector<std::size_t> at(dimensions, 0);
  while (true) {
    Block block{{}, std::vector<std::vector<std::int64_t>>(sources_.size())};
    for (std::size_t d = 0; d < dimensions; ++d) {
      block.target.start.push_back(segments[d][at[d]].start);
      block.target.count.push_back(segments[d][at[d]].count);
    }
    bool held = false;
    for (std::size_t k = 0; k < sources_.size(); ++k) {
      if (!sources_[k].file.has(variable.path)) continue;
      for (std::size_t d = 0; d < dimensions; ++d) block.starts[k].push_back(segments[d][at[d]].source_start[k]);
      if (std::ranges::find(block.starts[k], -1) != block.starts[k].end()) block.starts[k].clear();
      held |= !block.starts[k].empty();
    }
    if (held) all.push_back(std::move(block));
    std::size_t d = dimensions;
    while (d > 0 && ++at[d - 1] == segments[d - 1].size()) at[--d] = 0;
    if (d == 0) return all;
  }
}

template <store::Cell T>
std::vector<T> MergedCells::read(const store::PlannedVariable& variable, const Block& block,
                                 const store::Slab& piece) const {
  std::vector<T> cells;
  std::size_t first = 0;
  for (std::size_t k = 0; k < sources_.size(); ++k) {
    if (block.starts[k].empty()) continue;
    store::Slab slab = piece;
    for (std::size_t d = 0; d < slab.start.size(); ++d) slab.start[d] += block.starts[k][d] - block.target.start[d];
    auto more = sources_[k].file.read<T>(variable.path, slab);
    if (const auto shift = token_shift(variable, block, k); shift != 0) {
      for (T& cell : more) cell += static_cast<T>(shift);
    }
    if (cells.empty()) {
      cells = std::move(more);
      first = k;
      continue;
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (store::is_missing(cells[i])) {
        cells[i] = more[i];
      } else if (!store::is_missing(more[i]) && !agree(cells[i], more[i], variable.spec->traits.merge)) {
        refuse(variable, first, k, piece);
      }
    }
  }
  return cells;
}

template std::vector<float> MergedCells::read(const store::PlannedVariable&, const Block&, const store::Slab&) const;
template std::vector<double> MergedCells::read(const store::PlannedVariable&, const Block&, const store::Slab&) const;
template std::vector<std::int32_t> MergedCells::read(const store::PlannedVariable&, const Block&, const store::Slab&) const;
template std::vector<std::uint8_t> MergedCells::read(const store::PlannedVariable&, const Block&, const store::Slab&) const;

template <store::Cell T>
std::vector<T> MergedCells::read_all(const std::string& path) const {
  const store::PlannedVariable variable = store::plan_variable(path, plan_.contents());
  const std::int64_t cells = store::whole(variable.shape).cells();
  const std::int64_t row = cells / variable.shape.front();
  std::vector<T> all(static_cast<std::size_t>(cells), static_cast<T>(store::fill_of(store::type_of<T>())));
  for (const Block& block : blocks(variable)) {
    base::ensure(block.target.cells() == block.target.count.front() * row, "a block of a merge that holds parts of rows");
    std::ranges::copy(read<T>(variable, block, block.target), all.begin() + block.target.start.front() * row);
  }
  return all;
}

template std::vector<float> MergedCells::read_all(const std::string&) const;
template std::vector<std::int32_t> MergedCells::read_all(const std::string&) const;
template std::vector<std::uint8_t> MergedCells::read_all(const std::string&) const;

std::vector<std::string> MergedCells::read_texts(const store::PlannedVariable& variable, const Block& block,
                                                 std::int64_t first_row, std::int64_t count) const {
  std::vector<std::string> texts;
  std::size_t first = 0;
  for (std::size_t k = 0; k < sources_.size(); ++k) {
    if (block.starts[k].empty()) continue;
    auto more = sources_[k].file.read_text(variable.path, block.starts[k].front() + first_row, count);
    if (texts.empty()) {
      texts = std::move(more);
      first = k;
    } else if (texts != more) {
      refuse(variable, first, k, {{block.target.start.front() + first_row}, {count}});
    }
  }
  return texts;
}

void MergedCells::refuse(const store::PlannedVariable& variable, std::size_t a, std::size_t b,
                         const store::Slab& target) const {
  throw base::InputError(
      fmt::format("{} and {} cannot be merged", sources_[a].name, sources_[b].name),
      fmt::format("both hold the cells {} of {}, with different values", target.text(), variable.path),
      variable.spec->place == store::Place::root
          ? "Their texts or their encoders' answers differ: merge files made with the same data and encoder"
          : "They hold the same seed and mode from different trainings: merge files whose seeds, modes or splits differ");
}

// How far the tokens of a split move from the source to the new file.
std::int64_t MergedCells::token_shift(const store::PlannedVariable& variable, const Block& block, std::size_t source) const {
  if (variable.spec->traits.merge != store::Merge::token_index) return 0;
  const auto& splits = plan_.splits();
  const auto to = std::ranges::find(splits, block.target.start.front(), &SplitRange::first_example);
  const auto from = std::ranges::find(sources_[source].splits, to->split, &SplitRange::split);
  return to->first_token - from->first_token;
}

}  // namespace layersweep::jobs
