// Points shared out over groups of ranks: contiguous groups of about equal cost.
#pragma once

#include <functional>
#include <vector>

namespace layersweep::plan {

/// Points first … end − 1.
struct PointGroup {
  int first = 0;
  int end = 0;
};

/// What a group costs; adding a point never makes it cheaper.
using GroupCost = std::function<double(PointGroup)>;

/// Cuts the points into `groups` contiguous groups (at most one per point), none empty, so that the dearest group is as
/// cheap as possible: dynamic programming over borders.
std::vector<PointGroup> split_points(int points, int groups, const GroupCost& cost);

}  // namespace layersweep::plan
