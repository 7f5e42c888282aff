// An explanation for people and for programs.
#pragma once

#include <string>

#include "app/mask_table.hpp"
#include "jobs/explaining/explain_text.hpp"

namespace layersweep::app {

/// "3 (positive), probability 0.912".
std::string prediction_text(const jobs::Explanation& explanation);
/// What follows a seed that is not accepted: ", not accepted"; empty for one that is.
std::string verdict_text(jobs::Verdict verdict);

/// The prediction, the table of keep probabilities, and a line for each point. Pure.
std::string explanation_text(const jobs::Explanation& explanation, terms::Mode mode, Colour colour, int columns);

/// One line of JSON with its end; figures that are not finite are null. Pure.
std::string explanation_json(const jobs::Explanation& explanation, terms::Mode mode, const data::TextInput& input);

}  // namespace layersweep::app
