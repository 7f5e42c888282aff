#include "probe/masks.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "probe/hard_concrete.hpp"

namespace layersweep::probe {
namespace {

// The seeds of the cells at one point, as an index; all seeds is the usual case and copies nothing.
at::Tensor pick_seeds(const at::Tensor& by_seed, const std::vector<std::int64_t>& seeds) {
  if (static_cast<std::int64_t>(seeds.size()) == by_seed.size(0)) return by_seed;
  return by_seed.index_select(0, at::tensor(seeds, by_seed.options().dtype(at::kLong)));
}

}  // namespace

std::vector<Cell> cells_of(const at::Tensor& active, PointRange points) {
  std::vector<Cell> cells;
  const auto on = active.accessor<bool, 2>();
  for (std::int64_t p = points.first; p < std::min<std::int64_t>(points.end, active.size(0)); ++p) {
    for (std::int64_t s = 0; s < active.size(1); ++s) {
      if (on[p][s]) cells.push_back({static_cast<int>(p), s});
    }
  }
  return cells;
}

std::vector<at::Tensor> log_keep_probabilities(terms::Mode mode, const std::vector<at::Tensor>& phi) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& logits : phi) {
    if (!logits.defined()) {
      result.emplace_back();
      continue;
    }
    at::Tensor log_p = log_keep_probability(logits);
    if (mode == terms::Mode::input && !result.empty()) log_p = log_p + result.back();
    result.push_back(std::move(log_p));
  }
  return result;
}

std::vector<at::Tensor> applied_gates(terms::Mode mode, const std::vector<at::Tensor>& gates) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& own : gates) {
    result.push_back(mode == terms::Mode::input && own.defined() && !result.empty() ? result.back() * own : own);
  }
  return result;
}

std::vector<Joining> joining_copies(const ProbeLayout& layout, const std::vector<at::Tensor>& blocks,
                                    const std::vector<at::Tensor>& gates, const std::vector<Cell>& cells,
                                    PointRange probes) {
  std::vector<std::vector<std::int64_t>> seeds_at(gates.size());
  for (const Cell& cell : cells) seeds_at[static_cast<std::size_t>(cell.point)].push_back(cell.seed);

  std::vector<Joining> joining(gates.size());
  std::vector<at::Tensor> input_gates;
  std::vector<at::Tensor> input_replacements;
  for (std::size_t p = 0; p < gates.size(); ++p) {
    if (seeds_at[p].empty()) continue;
    const auto place = layout.replacement_of(static_cast<int>(p), probes);
    const at::Tensor replacements = pick_seeds(blocks[place.block].select(0, place.row), seeds_at[p]);
    if (layout.mode() == terms::Mode::hidden) {
      joining[p] = {pick_seeds(gates[p], seeds_at[p]), replacements};
    } else {
      input_gates.push_back(pick_seeds(gates[p], seeds_at[p]));
      input_replacements.push_back(replacements);
    }
  }
  if (!input_gates.empty()) joining[0] = {at::cat(input_gates), at::cat(input_replacements)};
  return joining;
}

}  // namespace layersweep::probe
