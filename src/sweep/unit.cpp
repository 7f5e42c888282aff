#include "sweep/unit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/unit.hpp"

namespace layersweep::sweep {

probe::Mode mode_of(config::Mode mode) { return mode == config::Mode::input ? probe::Mode::input : probe::Mode::hidden; }

std::string Unit::name() const { return fmt::format("{}-{}", probe::mode_name(mode), fmt::join(seeds, "-")); }

std::vector<Unit> units_of(const config::Probe& settings) {
  std::vector<Unit> units;
  for (const plan::Unit& planned : plan::units_of(settings)) {
    units.push_back({mode_of(planned.mode), {planned.seeds.begin(), planned.seeds.end()}});
  }
  return units;
}

}  // namespace layersweep::sweep
