// "Did you mean": the known names closest to a mistyped one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace layersweep::config {

/// Fewest insertions, deletions, replacements and swaps of neighbouring characters that turn `a` into `b` (no part is
/// edited twice: optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// At most three known names, nearest first, ties in the given order. Near is a third of the longer name or less, the same
/// name but for its section ("epsilon" for "probe.epsilon"), or a continuation of what was typed ("probe.eps").
std::vector<std::string> nearest_names(std::string_view unknown, std::span<const std::string> known);

/// "Did you mean a, b or c?"; empty when there is nothing near.
std::string did_you_mean(std::string_view unknown, std::span<const std::string> known);

}  // namespace layersweep::config
