// The randomness of the gates, counter-based: a draw is a function of (seed, mode, probe, step, example, position) and
// of nothing else, so it does not depend on batches, micro-batches, ranks or the order of computation.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "probe/parameters.hpp"
#include "terms/terms.hpp"

namespace layersweep::probe {

/// Whose gates are drawn for.
struct GateStreams {
  terms::Mode mode;
  std::span<const std::uint64_t> seeds;
  PointRange probes;
};

/// Logistic noise log u − log(1 − u) for the gates of one step: probes x S x B x T float32,
/// in the host's memory, so that every device trains on the same numbers.
/// `examples` (B) are corpus indices; in input mode the draw of probe i serves all points above it.
at::Tensor gate_noise(const GateStreams& gates, std::int64_t step, std::span<const std::int64_t> examples,
                      std::int64_t width);

}  // namespace layersweep::probe
