#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "plan/schedule.hpp"

namespace layersweep::plan {
namespace {

// Up to this number all ways to divide the ranks are tried: 231 for 16 ranks.
constexpr int most_ranks_tried_fully = 16;
constexpr int tries_per_division = 1'000;
constexpr int most_teams_that_exchange = 8;

class Chooser {
 public:
  Chooser(std::size_t units, int most_ranks, const UnitSeconds& seconds) : seconds_(seconds), most_ranks_(most_ranks) {
    units_.resize(units);
    std::iota(units_.begin(), units_.end(), std::size_t{0});
  }

  const std::vector<int>& best() const { return best_; }

  double consider(const std::vector<int>& sizes) {
    std::vector<FreeTeam> teams;
    for (const int ranks : sizes) teams.push_back({ranks, 0});
    const double end = assign(units_, teams, seconds_, tries_per_division).end_s;
    if (end < best_end_ * (1 - 1e-9)) {
      best_end_ = end;
      best_ = sizes;
    }
    return end;
  }

  // All falling sequences of at most as many sizes as there are units that add up to `left`.
  void consider_all(std::vector<int>& sizes, int left) {
    if (left == 0) {
      consider(sizes);
      return;
    }
    if (sizes.size() == units_.size()) return;
    for (int next = std::min(left, sizes.empty() ? most_ranks_ : sizes.back()); next >= 1; --next) {
      sizes.push_back(next);
      consider_all(sizes, left - next);
      sizes.pop_back();
    }
  }

  // For every number of teams powers of two, and equal sizes that use all ranks; few teams then exchange ranks.
  void consider_some(int ranks) {
    const int most_teams = static_cast<int>(std::min<std::size_t>(units_.size(), static_cast<std::size_t>(ranks)));
    for (int teams = 1; teams <= most_teams; ++teams) {
      for (int size = 1; size <= std::min(most_ranks_, ranks / teams); size *= 2) {
        consider(std::vector<int>(static_cast<std::size_t>(teams), size));
      }
      std::vector<int> sizes;
      for (int team = 0; team < teams; ++team) {
        sizes.push_back(std::min(most_ranks_, ranks / teams + (team < ranks % teams ? 1 : 0)));
      }
      const double end = consider(sizes);
      if (teams <= most_teams_that_exchange) exchange(sizes, end, ranks);
    }
  }

 private:
  // Moves 1, 2 or 4 ranks from one team, or from those without one, to another as long as that helps.
  void exchange(std::vector<int> sizes, double end, int ranks) {
    const std::size_t teams = sizes.size();
    for (bool better = true; better;) {
      better = false;
      const int unused = ranks - std::accumulate(sizes.begin(), sizes.end(), 0);
      for (std::size_t from = 0; from <= teams; ++from) {  // the last: those without a team
        for (std::size_t to = 0; to < teams; ++to) {
          for (const int moved : {1, 2, 4}) {
            const bool enough = from == teams ? unused >= moved : sizes[from] > moved;
            if (from == to || !enough || sizes[to] + moved > most_ranks_) continue;
            std::vector<int> next = sizes;
            if (from < teams) next[from] -= moved;
            next[to] += moved;
            const double next_end = consider(next);
            if (next_end >= end * (1 - 1e-9)) continue;
            sizes = std::move(next);
            end = next_end;
            better = true;
            break;
          }
          if (better) break;
        }
        if (better) break;
      }
    }
  }

  const UnitSeconds& seconds_;
  std::vector<std::size_t> units_;
  int most_ranks_;
  std::vector<int> best_;
  double best_end_ = std::numeric_limits<double>::infinity();
};

}  // namespace

std::vector<int> choose_teams(std::size_t units, int ranks, TeamSizes allowed, const UnitSeconds& seconds) {
  base::ensure(units > 0 && ranks > 0 && allowed.most > 0 && allowed.multiple_of > 0, "teams of no ranks, or for no units");
  // Blocks of ranks stay together.
  const int block = std::min(allowed.multiple_of, ranks);
  const int blocks = ranks / block;
  const UnitSeconds block_seconds = [&](std::size_t unit, int size) { return seconds(unit, size * block); };
  Chooser chooser(units, std::max(1, allowed.most / block), block_seconds);
  if (blocks <= most_ranks_tried_fully) {
    std::vector<int> sizes;
    // Divisions that leave ranks out are tried too: more ranks need not be faster.
    const int fewest = units >= static_cast<std::size_t>(blocks) ? blocks : 1;
    for (int used = blocks; used >= fewest; --used) chooser.consider_all(sizes, used);
  } else {
    chooser.consider_some(blocks);
  }
  std::vector<int> sizes = chooser.best();
  for (int& size : sizes) size *= block;
  std::ranges::sort(sizes, std::greater<>());
  return sizes;
}

}  // namespace layersweep::plan
