// Random costs and a clock for teams.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/random.hpp"
#include "plan/dispatcher.hpp"

namespace layersweep::plan::test {

class Draws {
 public:
  explicit Draws(std::uint64_t seed) : stream_(base::philox_key(seed, base::Purpose::explainers, {})) {}
  double uniform(double low, double high) { return low + (high - low) * base::open_uniform(stream_.next()); }
  /// From 1 to 10, uniform in the logarithm.
  double log_uniform() { return std::pow(10.0, uniform(0, 1)); }

 private:
  base::RandomStream stream_;
};

inline std::vector<double> random_costs(Draws& draws, std::size_t count) {
  std::vector<double> costs;
  for (std::size_t i = 0; i < count; ++i) costs.push_back(draws.log_uniform());
  return costs;
}

/// When the last team is done, if `expected` is what the dispatcher knows and `real` is what units take.
inline double play(const std::vector<int>& sizes, std::size_t units, const UnitSeconds& expected, const UnitSeconds& real,
                   std::vector<int>* times_trained = nullptr) {
  Dispatcher dispatcher(sizes, units, expected);
  std::vector<double> free_at(sizes.size(), 0);
  std::vector<bool> home(sizes.size(), false);
  double end = 0;
  for (;;) {
    std::size_t team = sizes.size();
    for (std::size_t t = 0; t < sizes.size(); ++t) {
      if (!home[t] && (team == sizes.size() || free_at[t] < free_at[team])) team = t;
    }
    if (team == sizes.size()) return end;
    const auto unit = dispatcher.next(team, free_at[team]);
    if (!unit) {
      home[team] = true;
      continue;
    }
    if (times_trained != nullptr) ++(*times_trained)[*unit];
    free_at[team] += real(*unit, sizes[team]);
    end = std::max(end, free_at[team]);
  }
}

}  // namespace layersweep::plan::test
