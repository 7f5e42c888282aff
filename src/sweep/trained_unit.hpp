// What the training of a unit yields.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "probe/parameters.hpp"
#include "sweep/selection.hpp"
#include "terms/terms.hpp"

namespace layersweep::sweep {

/// A figure of every cell: [point][seed].
template <class T>
using CellTable = std::vector<std::vector<T>>;

template <class T>
CellTable<T> cell_table(const probe::ProbeLayout& layout, const T& value) {
  return CellTable<T>(static_cast<std::size_t>(layout.points()),
                      std::vector<T>(static_cast<std::size_t>(layout.seeds()), value));
}
template <class Table>
auto& at_cell(Table& table, std::int64_t point, std::int64_t seed) {
  return table[static_cast<std::size_t>(point)][static_cast<std::size_t>(seed)];
}

/// Figures on development data with hard masks, at one step.
struct Validation {
  std::int64_t step = 0;
  CellTable<Score> scores;
  at::Tensor alpha;  ///< P x S
};

/// In the host's memory.
struct TrainedUnit {
  probe::ProbeLayout layout;
  at::Tensor parameters;  ///< flat; of every cell (input mode: of every seed) its best snapshot
  at::Tensor alpha;       ///< P x S, at the end
  at::Tensor steps;       ///< P x S int64, steps trained until the cell stopped
  CellTable<terms::Status> status;
  std::vector<Validation> curve;
};

}  // namespace layersweep::sweep
