// What the training of a unit yields.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "probe/parameters.hpp"
#include "sweep/selection.hpp"

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

/// What became of a (point, seed); the values are those of `status` in the results file.
enum class CellStatus : std::uint8_t {
  not_trained = 0,
  trained = 1,
  not_finite = 2,      ///< a NaN or infinity appeared; the last finite snapshot, if any, is kept
  alpha_at_bound = 3,  ///< the multiplier ended at its bound: no snapshot met ε
  failed = 4,          ///< its unit failed, and has no probes
};

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
  CellTable<CellStatus> status;
  std::vector<Validation> curve;
};

}  // namespace layersweep::sweep
