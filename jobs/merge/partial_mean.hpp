// The mean over all texts from means over some of them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace layersweep::jobs {

struct PartialMean {
  float mean = 0;                   ///< NaN: not known
  std::vector<std::int64_t> texts;  ///< how many it is over, of each split
};

/// Over the texts of every split that any part has: from parts that together have each text once, where a part has all of a
/// split's texts or none. NaN where no parts do.
float mean_of_parts(std::span<const PartialMean> parts);

}  // namespace layersweep::jobs
