// A unit is what trains together on one clean pass: all points and a group of probe seeds of one mode. The grouping is a
// function of the experiment, never of the number of ranks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/experiment.hpp"
#include "terms/terms.hpp"

namespace layersweep::plan {

struct Unit {
  terms::Mode mode = terms::Mode::input;
  std::vector<std::uint64_t> seeds;
  std::string name() const;  ///< also its folder: "hidden-0-1-2-3"
};

/// In the order of modes, then seeds, `probe.seeds_per_unit` at a time (0: all).
std::vector<Unit> units_of(const config::Probe& settings);

}  // namespace layersweep::plan
