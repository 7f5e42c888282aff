#include "sweep/unit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "plan/unit.hpp"

namespace layersweep::sweep {

std::string Unit::name() const { return fmt::format("{}-{}", terms::name_of(mode), fmt::join(seeds, "-")); }

std::vector<Unit> units_of(const config::Probe& settings) {
  std::vector<Unit> units;
  for (const plan::Unit& planned : plan::units_of(settings)) {
    units.push_back({planned.mode, {planned.seeds.begin(), planned.seeds.end()}});
  }
  return units;
}

}  // namespace layersweep::sweep
