// Of every cell the best validated weights so far (input mode: of every seed), and how long nothing better has come.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "probe/parameters.hpp"
#include "sweep/selection.hpp"
#include "sweep/trained_unit.hpp"

namespace layersweep::sweep {

class Snapshots {
 public:
  /// All there is to remember; whoever restores it writes into these.
  struct State {
    at::Tensor parameters;    ///< flat
    CellTable<Score> scores;  ///< NaN where nothing was validated yet
    at::Tensor waited;        ///< P x S int64, validations in a row without progress; input mode counts at point 0
  };

  /// Keeps a copy of `parameters` until something was validated. `patience` as probe.patience.
  Snapshots(const probe::ProbeLayout& layout, const at::Tensor& parameters, const Constraint& constraint,
            std::int64_t patience);

  /// Takes from `parameters` what is better by the `scores` of a validation, or as good, and clears `active` (P x S bool)
  /// where nothing better came for as long as patience lasts. Cells that are not active stay as they are.
  void consider(const CellTable<Score>& scores, const at::Tensor& parameters, const at::Tensor& active);

  bool within_epsilon(std::int64_t point, std::int64_t seed) const;

  const State& state() const { return state_; }
  State& state() { return state_; }

 private:
  void consider_cell(const CellTable<Score>& scores, const at::Tensor& parameters, const at::Tensor& active, int point,
                     std::int64_t seed);
  void consider_seed(const CellTable<Score>& scores, const at::Tensor& parameters, const at::Tensor& active,
                     std::int64_t seed);
  bool runs_out_of_patience(bool better, std::int64_t point, std::int64_t seed);

  probe::ProbeLayout layout_;
  Constraint constraint_;
  std::int64_t patience_;
  State state_;
};

}  // namespace layersweep::sweep
