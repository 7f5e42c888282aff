#include "plan/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.hpp"

namespace layersweep::plan {
namespace {

class Search {
 public:
  Search(const std::vector<std::size_t>& units, const std::vector<FreeTeam>& teams, const UnitSeconds& seconds, int tries)
      : order_(units), teams_(teams), tries_left_(tries) {
    std::vector<double> longest(units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
      for (const FreeTeam& team : teams) longest[i] = std::max(longest[i], seconds(units[i], team.ranks));
    }
    std::vector<std::size_t> places(units.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    std::ranges::stable_sort(places, [&](std::size_t a, std::size_t b) { return longest[a] > longest[b]; });
    for (std::size_t i = 0; i < places.size(); ++i) {
      order_[i] = units[places[i]];
      seconds_.emplace_back();
      for (const FreeTeam& team : teams) seconds_.back().push_back(seconds(order_[i], team.ranks));
      bound_ = std::max(bound_, *std::ranges::min_element(seconds_.back()));
    }
    for (const FreeTeam& team : teams) end_.push_back(team.ready_s);
    team_of_.resize(units.size());
  }

  Assignment run() {
    place(0);
    Assignment result{std::vector<std::vector<std::size_t>>(teams_.size()), best_end_};
    for (std::size_t i = 0; i < order_.size(); ++i) result.units[best_[i]].push_back(order_[i]);
    return result;
  }

 private:
  void place(std::size_t next) {
    if (next == order_.size()) {
      best_end_ = *std::ranges::max_element(end_);
      best_ = team_of_;
      return;
    }
    std::vector<std::size_t> choices(teams_.size());
    std::iota(choices.begin(), choices.end(), std::size_t{0});
    const auto finish = [&](std::size_t team) { return end_[team] + seconds_[next][team]; };
    std::ranges::stable_sort(choices, [&](std::size_t a, std::size_t b) { return finish(a) < finish(b); });
    for (std::size_t c = 0; c < choices.size(); ++c) {
      const std::size_t team = choices[c];
      // The first choice is always followed to its end. Other choices are followed only if they may be better, while tries
      // last.
      if (!best_.empty() && (finish(team) >= best_end_ || best_end_ <= bound_ || --tries_left_ < 0)) return;
      if (c > 0 && same(team, choices[c - 1])) continue;
      const double before = end_[team];
      end_[team] = finish(team);
      team_of_[next] = team;
      place(next + 1);
      end_[team] = before;
    }
  }

  bool same(std::size_t a, std::size_t b) const { return teams_[a].ranks == teams_[b].ranks && end_[a] == end_[b]; }

  std::vector<std::size_t> order_;
  const std::vector<FreeTeam>& teams_;
  std::vector<std::vector<double>> seconds_;  // [place in order][team]
  double bound_ = 0;                          // no assignment ends earlier
  std::vector<double> end_;
  std::vector<std::size_t> team_of_, best_;
  double best_end_ = std::numeric_limits<double>::infinity();
  int tries_left_;
};

}  // namespace

Assignment assign(const std::vector<std::size_t>& units, const std::vector<FreeTeam>& teams, const UnitSeconds& seconds,
                  int tries) {
  base::ensure(!teams.empty(), "units need a team");
  return Search(units, teams, seconds, tries).run();
}

}  // namespace layersweep::plan
