// What single values cannot tell: whether the settings of an experiment fit together and this build can do them.
#pragma once

#include "config/experiment.hpp"

namespace layersweep::config {

/// Throws UsageError naming the keys and the remedy. Looks at values only, never at the file system.
void validate(const Experiment& experiment);

}  // namespace layersweep::config
