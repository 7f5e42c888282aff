// When the ranks of a team keep their state and when they stop: one decision for all of them, at the same step.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "base/clock.hpp"
#include "comm/communicator.hpp"
#include "sweep/ranks.hpp"

namespace layersweep::sweep {

/// The end of a run that was asked to stop, by a signal or by the clock. All ranks of the team throw it at the same point,
/// and a later start of the same command goes on from there.
class Stopped : public std::exception {
 public:
  explicit Stopped(std::string reason) : reason_(std::move(reason)) {}
  const char* what() const noexcept override { return reason_.c_str(); }  ///< "SIGTERM", "the job's time is nearly up"

 private:
  std::string reason_;
};

/// Between two pieces of work that each leave their result on disk: throws Stopped on all ranks when any was asked to stop.
/// Collective.
void stop_here_if_asked(const comm::Communicator& ranks);

class StopAndCheckpointClock {
 public:
  /// `interval_s` is run.checkpoint_seconds; 0 keeps the state after every step. Collective.
  StopAndCheckpointClock(const Ranks& ranks, double interval_s);

  enum class Next { go_on, keep, keep_and_stop };

  /// After every step: what all ranks do now. State is kept when the first rank's clock says so; the team stops when any
  /// rank got a stop signal, or when the end of its Slurm job (SLURM_JOB_END_TIME) is so near that a checkpoint might not be
  /// written any more. Collective.
  Next next();

  /// Between two pieces of longer work: whether the team stops, decided as by next(). Collective.
  bool is_asked_to_stop();

  /// Runs a piece of longer work on every rank; then all throw together what any of them threw, or Stopped when the team
  /// stops. The piece itself makes no collective call. Collective.
  void run_piece(const std::function<void()>& piece);

  /// Whose state it is: one that all ranks share, or one of which each holds a part.
  enum class Writers { first_rank, all_ranks };

  /// Writes the state: `write` is called on the writers, the others wait. Collective, throws together.
  void keep(const std::function<void()>& write, Writers writers = Writers::first_rank);

  /// What keeping has taken so far, on this rank.
  int kept_times() const { return kept_times_; }
  double kept_s() const { return total_cost_s_; }

  /// What asked for the stop.
  const std::string& reason() const { return reason_; }

 private:
  using Clock = base::Clock;

  // Whether any rank found so.
  struct Findings {
    bool time_to_keep = false;
    bool failed = false;
  };
  Findings agree(Findings here);

  Ranks ranks_;
  double interval_s_;
  Clock::time_point kept_ = Clock::now();
  Clock::time_point asked_ = Clock::now();
  double longest_s_ = 0;  // between two decisions
  double cost_s_ = 0;     // of the dearest checkpoint
  double total_cost_s_ = 0;
  int kept_times_ = 0;
  std::string reason_;
};

/// The same ranks, whose evaluations stop between two batches of texts when `clock`, which outlives them, is asked to.
Ranks stopping_between_pieces(const Ranks& ranks, StopAndCheckpointClock& clock);

/// Seconds that should be left of a job when it stops: a minute, more where `needed_s` is long, but never more than half of
/// the `left_at_start_s` that this start had, so that every start gets somewhere.
double stop_margin_s(double needed_s, double left_at_start_s);

}  // namespace layersweep::sweep
