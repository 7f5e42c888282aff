#include "sweep/unit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace layersweep::sweep {

probe::Mode mode_of(config::Mode mode) { return mode == config::Mode::input ? probe::Mode::input : probe::Mode::hidden; }

std::string Unit::name() const { return fmt::format("{}-{}", probe::mode_name(mode), fmt::join(seeds, "-")); }

std::vector<Unit> units_of(const config::Probe& settings) {
  const std::size_t total = settings.seeds.size();
  const std::size_t group = settings.seeds_per_unit == 0 ? total : static_cast<std::size_t>(settings.seeds_per_unit);
  std::vector<Unit> units;
  for (const config::Mode mode : settings.modes) {
    for (std::size_t first = 0; first < total; first += group) {
      Unit unit{mode_of(mode), {}};
      for (std::size_t s = first; s < std::min(total, first + group); ++s) {
        unit.seeds.push_back(static_cast<std::uint64_t>(settings.seeds[s]));
      }
      units.push_back(std::move(unit));
    }
  }
  return units;
}

}  // namespace layersweep::sweep
