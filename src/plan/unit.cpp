#include "plan/unit.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace layersweep::plan {

std::string Unit::name() const { return fmt::format("{}-{}", terms::name_of(mode), fmt::join(seeds, "-")); }

std::vector<Unit> units_of(const config::Probe& settings) {
  const std::size_t total = settings.seeds.size();
  const std::size_t group = settings.seeds_per_unit == 0 ? total : static_cast<std::size_t>(settings.seeds_per_unit);
  std::vector<Unit> units;
  for (const terms::Mode mode : settings.modes) {
    for (std::size_t first = 0; first < total; first += group) {
      const auto begin = settings.seeds.begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = settings.seeds.begin() + static_cast<std::ptrdiff_t>(std::min(total, first + group));
      units.push_back({mode, {begin, end}});
    }
  }
  return units;
}

}  // namespace layersweep::plan
