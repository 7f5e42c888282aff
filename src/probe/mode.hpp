// The two ways a DiffMask probe may look at a frozen model.
#pragma once

#include <cstdint>
#include <string_view>

namespace layersweep::probe {

/// input: the gates of probes 0..k multiply, the masked word embeddings go in at point 0, the whole model runs.
/// hidden: the gates of probe k alone mask the states at point k, only the layers above run.
enum class Mode : std::uint8_t { input = 0, hidden = 1 };

/// The sparsity term of the objective: the mean log probability that a gate is open (published), or the mean
/// probability itself (the expected L0 norm).
enum class Sparsity : std::uint8_t { log, l0 };

constexpr std::string_view mode_name(Mode mode) { return mode == Mode::input ? "input" : "hidden"; }

}  // namespace layersweep::probe
