#include "plan/dispatcher.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace layersweep::plan {
namespace {

constexpr int tries = 2'000;  // rank 0 trains too, and answers between two steps

}  // namespace

Dispatcher::Dispatcher(std::vector<int> team_sizes, std::size_t units, UnitSeconds seconds)
    : seconds_(std::move(seconds)), running_(team_sizes.size()), retired_(team_sizes.size(), false) {
  for (const int ranks : team_sizes) teams_.push_back({ranks, 0});
  for (std::size_t unit = 0; unit < units; ++unit) left_.push_back(unit);
}

void Dispatcher::leave(std::size_t team) {
  base::ensure(team < teams_.size(), "a team that is none leaves");
  running_[team].reset();
  retired_[team] = true;
}

std::optional<std::size_t> Dispatcher::next(std::size_t team, double now) {
  base::ensure(team < teams_.size() && !retired_[team], "a team that was sent home asks for a unit");
  if (const auto& done = running_[team]) {
    done_expected_ += done->expected;
    done_real_ += now - done->start;
    if (done_expected_ > 0 && done_real_ > 0) scale_ = done_real_ / done_expected_;
    running_[team].reset();
  }
  if (left_.empty()) {
    retired_[team] = true;
    return std::nullopt;
  }

  // All teams that still work, with the times they are expected to need. One that is late may end at any moment.
  std::vector<FreeTeam> others;
  std::size_t me = 0;
  for (std::size_t t = 0; t < teams_.size(); ++t) {
    if (retired_[t]) continue;
    if (t == team) me = others.size();
    const auto& work = running_[t];
    const double ready = work ? std::max(0.0, work->start + scale_ * work->expected - now) : 0.0;
    others.push_back({teams_[t].ranks, ready});
  }
  const auto scaled = [&](std::size_t unit, int ranks) { return scale_ * seconds_(unit, ranks); };
  const Assignment plan = assign(left_, others, scaled, tries);
  const std::vector<std::size_t>& mine = plan.units[me];
  if (mine.empty()) {
    retired_[team] = true;
    return std::nullopt;
  }
  const std::size_t unit = mine.front();
  std::erase(left_, unit);
  running_[team] = Running{now, seconds_(unit, teams_[team].ranks)};
  return unit;
}

}  // namespace layersweep::plan
