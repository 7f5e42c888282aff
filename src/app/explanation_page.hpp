// Explanations as a web page of their own: no scripts, nothing fetched, for light and dark screens and for screen readers.
#pragma once

#include <string>
#include <vector>

#include "config/experiment.hpp"
#include "jobs/explaining/explain_text.hpp"

namespace layersweep::app {

struct ExplainedText {
  std::string text;
  jobs::Explanation explanation;
};

/// For each text the prediction, a table of keep probabilities (a row for each token, a column for each point, shaded, those
/// of kept tokens marked), and a table of what the hard masks do. `run` names where the probes come from. Pure.
std::string explanation_page(const std::vector<ExplainedText>& texts, terms::Mode mode, const std::string& run);

}  // namespace layersweep::app
