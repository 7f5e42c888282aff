// Counter-based noise for explainers: a draw is a function of (seed, method, step, copy, text, position) and of nothing
// else, so it does not depend on batches, ranks or the order of computation.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "explain/subject.hpp"

namespace layersweep::explain {

/// What draws are for; part of every key.
enum class Draw : std::uint64_t { random = 1, diffmask = 2, reinforce = 3, schulz = 4, guan = 5 };

/// Uniform on (0, 1): C x B x T float64.
at::Tensor uniform_noise(const Subject& subject, std::uint64_t seed, Draw draw, std::int64_t step, std::int64_t copies);

/// Standard normal: C x B x T x W float32.
at::Tensor normal_noise(const Subject& subject, std::uint64_t seed, Draw draw, std::int64_t step, std::int64_t copies);

}  // namespace layersweep::explain
