// From gate logits to the masks of the copies in a staircase pass, in both modes, sampled or hard.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "probe/parameters.hpp"
#include "probe/staircase.hpp"
#include "terms/terms.hpp"

namespace layersweep::probe {

/// A (point, probe seed) pair.
struct Cell {
  int point = 0;
  std::int64_t seed = 0;
};

/// The cells of these points where `active` (P x S bool, in the host's memory) is true, by point, then seed: the order of
/// the copies in a staircase pass.
std::vector<Cell> cells_of(const at::Tensor& active, PointRange points = {});

/// log keep probability per point, S x B x T: in input mode the logs of gates 0..k add up. Undefined where `phi` is.
std::vector<at::Tensor> log_keep_probabilities(terms::Mode mode, const std::vector<at::Tensor>& phi);

/// The gates that mask the copies of each point, from those of each probe alone (per point S x B x T): in input mode gates
/// 0..k multiply, in hidden mode they are the same. Undefined where `gates` are.
std::vector<at::Tensor> applied_gates(terms::Mode mode, const std::vector<at::Tensor>& gates);

/// Where each cell's copy joins the pass, masked by which gates (per point S x B x T, as applied). `blocks` are the layout's
/// views of `probes`, which hold the replacement vectors.
std::vector<Joining> joining_copies(const ProbeLayout& layout, const std::vector<at::Tensor>& blocks,
                                    const std::vector<at::Tensor>& gates, const std::vector<Cell>& cells,
                                    PointRange probes = {});

}  // namespace layersweep::probe
