// Progress for people (standard error) and for programs (one JSON object a line on standard output).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "model/finetune.hpp"
#include "sweep/train_probes.hpp"

namespace layersweep::sweep {

/// Prints on rank 0 only; the others get a printer that stays silent. For people a
/// line that on a terminal overwrites the one before, elsewhere one in ten seconds; with `json` every report is also a
/// JSON line.
OnProgress progress_printer(const std::string& unit, bool json);

/// The same for fine-tuning; every pass ends with a line of its own.
std::function<void(const model::FinetuneProgress&)> finetune_printer();

/// The same for a search that finds one thing after the other: "<what>: 3 of 8 found".
std::function<void(std::size_t found, std::size_t total)> search_printer(const std::string& what);

/// As a message between ranks, and as a line for programs; what is not finite is null, and comes back as NaN.
nlohmann::json json_of(const Progress& progress);
Progress progress_of(const nlohmann::json& json);

/// "step 10/240, 812 pairs/s, 12 s left; KL 0.110, kept 0.52"; means over the points.
std::string progress_text(const Progress& now);

/// "1 h 02 min", "3 min 20 s", "12 s".
std::string duration_text(double seconds);

}  // namespace layersweep::sweep
