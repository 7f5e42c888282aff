// Which snapshot of a probe is kept, what is accepted, and which probe seed is chosen. Pure functions on figures measured
// with hard masks on development data; the counting task's truth is never consulted.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace layersweep::sweep {

/// The constraint of the experiment.
struct Constraint {
  double epsilon = 0.1;
  double flip_limit = 0.25;
};

/// One probe on one data split, means over examples. NaN where nothing was evaluated.
struct Score {
  double kl = 0;
  double kl_p95 = 0;
  double kl_max = 0;
  double flips = 0;
  double keep_share = 1;
};

/// From per-example values of equal length.
Score summarise(std::span<const float> kl, std::span<const float> flipped, std::span<const float> keep_share);

/// Mean KL ≤ ε and flips ≤ limit.
bool is_accepted(const Score& score, const Constraint& constraint);

/// Hidden mode, one point: whether `challenger` should replace `holder`. The accepted beat the others, those within ε come
/// next; among equals the smaller keep share wins, and outside ε the smaller KL.
bool is_better(const Score& challenger, const Score& holder, const Constraint& constraint);

/// Input mode, where points share gates: all points of a seed are judged as one. More accepted points win, then more
/// within ε, then the smaller mean keep share.
bool is_better(std::span<const Score> challenger, std::span<const Score> holder, const Constraint& constraint);

/// One seed's scores at all points.
std::vector<Score> points_of(const std::vector<std::vector<Score>>& scores, std::size_t seed);

/// Per point an index into the seeds, −1 where none is accepted. `scores[point][seed]`. In hidden mode each point chooses
/// for itself; in input mode one seed serves all points, otherwise masks would no longer nest over layers.
std::vector<std::int32_t> choose_seeds_per_point(const std::vector<std::vector<Score>>& scores,
                                                 const Constraint& constraint);
std::vector<std::int32_t> choose_one_seed(const std::vector<std::vector<Score>>& scores, const Constraint& constraint);

}  // namespace layersweep::sweep
