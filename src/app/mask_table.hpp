// Masks of one text in a terminal: a row for each token, a column for each point.
#pragma once

#include <string>
#include <vector>

namespace layersweep::app {

enum class Colour { always, never };

struct MaskTable {
  std::vector<std::string> tokens;       ///< T texts
  std::vector<std::string> points;       ///< P names
  std::vector<std::vector<float>> keep;  ///< P x T keep probabilities; NaN where there is none
};

/// Probabilities with two decimals, "-" for NaN. With colour, the background is brighter for a higher probability. Names of
/// points that are too wide for a column are replaced by their numbers, with a legend above. Points that do not fit beside
/// each other in `columns` follow in further blocks; where there is room, long texts stand in panels side by side. Pure.
/// Every line ends in a newline and, colours aside, is at most `columns` wide (at least 40 are assumed).
std::string render_mask_table(const MaskTable& table, Colour colour, int columns);

}  // namespace layersweep::app
