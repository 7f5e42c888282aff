// A resolved experiment as text: for the log, run folders, results and the question whether a run may be resumed.
#pragma once

#include <string>
#include <vector>

#include "config/experiment.hpp"

namespace layersweep::config {

/// Every setting in the order of the table, as an .ini that parse() reads back to an equal Experiment.
std::string resolved_text(const Experiment& experiment);

/// SHA-256 (hex) over the settings that make up a run's identity: all but where it and its encoder lie, how it logs and its
/// threads.
std::string identity_hash(const Experiment& experiment);

struct IdentityChange {
  std::string key;
  std::string before;
  std::string after;
};
/// The identity settings in which two experiments differ; empty exactly when their identity_hash is equal.
std::vector<IdentityChange> identity_changes(const Experiment& before, const Experiment& after);

}  // namespace layersweep::config
