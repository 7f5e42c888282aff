#include "plan/point_groups.hpp"

#include <algorithm>
#include <limits>

#include "base/error.hpp"

namespace layersweep::plan {

std::vector<PointGroup> split_points(int points, int groups, const GroupCost& cost) {
  base::ensure(points > 0 && groups > 0, "groups of no points");
  groups = std::min(groups, points);
  const auto at = [](int index) { return static_cast<std::size_t>(index); };
  // best[g][end]: the cost of the dearest of g groups over points 0 … end − 1; border[g][end]: where the last of them
  // begins.
  constexpr double never = std::numeric_limits<double>::infinity();
  std::vector<std::vector<double>> best(at(groups + 1), std::vector<double>(at(points + 1), never));
  std::vector<std::vector<int>> border(at(groups + 1), std::vector<int>(at(points + 1), 0));
  best[0][0] = 0;
  for (int g = 1; g <= groups; ++g) {
    for (int end = g; end <= points; ++end) {
      for (int first = g - 1; first < end; ++first) {
        const double dearest = std::max(best[at(g - 1)][at(first)], cost({first, end}));
        if (dearest < best[at(g)][at(end)]) {
          best[at(g)][at(end)] = dearest;
          border[at(g)][at(end)] = first;
        }
      }
    }
  }
  std::vector<PointGroup> result;
  for (int g = groups, end = points; g > 0; --g) {
    const int first = border[at(g)][at(end)];
    result.push_back({first, end});
    end = first;
  }
  std::ranges::reverse(result);
  return result;
}

}  // namespace layersweep::plan
