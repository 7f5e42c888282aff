#include "sweep/stop_and_checkpoint_clock.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <limits>
#include <optional>
#include <span>

#include "base/environment.hpp"
#include "base/stop_request.hpp"
#include "comm/agreement.hpp"

namespace layersweep::sweep {
namespace {

using base::seconds_since;

constexpr double least_margin_s = 60;
constexpr double slow_disk_s = 1800;  // how long a checkpoint may take before its writer counts as lost

// Until the Slurm job ends; infinite outside one.
double seconds_left() {
  const auto end = base::environment_variable("SLURM_JOB_END_TIME");
  if (!end) return std::numeric_limits<double>::infinity();
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return std::strtod(end->c_str(), nullptr) - now;
}

bool time_is_nearly_up(double needed_s) {
  static const double left_at_start_s = seconds_left();
  if (left_at_start_s <= 0) return false;  // of a job that is over, or was given more time: it tells nothing
  return seconds_left() < stop_margin_s(needed_s, left_at_start_s);
}

// What may ask for a stop, in the order of the reasons below; each rank brings 1 where it was asked.
constexpr std::array<int, 3> signals{SIGTERM, SIGUSR1, SIGINT};
constexpr std::array<const char*, 4> reasons{"SIGTERM", "SIGUSR1", "SIGINT", "the job's time is nearly up"};
using Asked = std::array<double, reasons.size()>;

Asked asked_here(double needed_s) {
  Asked asked{};
  for (std::size_t i = 0; i < signals.size(); ++i) asked[i] = base::noted_stop_signal() == signals[i] ? 1 : 0;
  asked.back() = time_is_nearly_up(needed_s) ? 1 : 0;
  return asked;
}

std::string reason_among(std::span<const double> asked) {
  for (std::size_t i = 0; i < reasons.size(); ++i) {
    if (asked[i] > 0) return reasons[i];
  }
  return {};
}

}  // namespace

double stop_margin_s(double needed_s, double left_at_start_s) {
  return std::min(std::max(least_margin_s, needed_s), 0.5 * left_at_start_s);
}

void stop_here_if_asked(const comm::Communicator& ranks) {
  Asked asked = asked_here(0);
  ranks.all_reduce_sum(std::span<double>(asked));
  if (const std::string reason = reason_among(asked); !reason.empty()) throw Stopped(reason);
}

StopAndCheckpointClock::StopAndCheckpointClock(const Ranks& ranks, double interval_s)
    : ranks_(ranks), interval_s_(interval_s) {}

StopAndCheckpointClock::Next StopAndCheckpointClock::next() {
  const bool time_to_keep = ranks_.rank() == 0 && seconds_since(kept_) >= interval_s_;
  const Findings all = agree({.time_to_keep = time_to_keep});
  if (!reason_.empty()) return Next::keep_and_stop;
  return all.time_to_keep ? Next::keep : Next::go_on;
}

bool StopAndCheckpointClock::is_asked_to_stop() {
  agree({});
  return !reason_.empty();
}

void StopAndCheckpointClock::run_piece(const std::function<void()>& piece) {
  std::optional<comm::LocalFailure> failure;
  try {
    piece();
  } catch (...) {
    failure = comm::describe_current_exception();
  }
  if (agree({.failed = failure.has_value()}).failed) comm::throw_together(ranks_.communicator(), failure);
  if (!reason_.empty()) throw Stopped(reason_);
}

Ranks stopping_between_pieces(const Ranks& ranks, StopAndCheckpointClock& clock) {
  return ranks.pausing_by([&clock] {
    if (clock.is_asked_to_stop()) throw Stopped(clock.reason());
  });
}

// Sets the reason to stop, if there is one.
StopAndCheckpointClock::Findings StopAndCheckpointClock::agree(Findings here) {
  longest_s_ = std::max(longest_s_, seconds_since(asked_));
  const Asked asked = asked_here(3 * cost_s_ + longest_s_);
  std::array<double, reasons.size() + 2> all{};
  std::ranges::copy(asked, all.begin());
  double& time_to_keep = all[reasons.size()];
  double& failures = all[reasons.size() + 1];
  time_to_keep = here.time_to_keep ? 1 : 0;
  failures = here.failed ? 1 : 0;
  ranks_.communicator().all_reduce_sum(std::span<double>(all));
  asked_ = Clock::now();
  reason_ = reason_among(std::span(all).first<reasons.size()>());
  return {time_to_keep > 0, failures > 0};
}

void StopAndCheckpointClock::keep(const std::function<void()>& write, Writers writers) {
  const Clock::time_point start = Clock::now();
  std::optional<comm::LocalFailure> failure;
  if (ranks_.rank() == 0 || writers == Writers::all_ranks) {
    ranks_.announce_silence(slow_disk_s);
    try {
      write();
    } catch (...) {
      failure = comm::describe_current_exception();
    }
  }
  // Only a writer may take its time. When the only one is done, the others have long been waiting.
  const bool waits_for_others = ranks_.rank() != 0 || writers == Writers::all_ranks;
  const double limit_s = ranks_.communicator().limit_s();
  ranks_.communicator().gate("the end of a checkpoint", waits_for_others ? std::max(limit_s, slow_disk_s) : limit_s);
  std::array<double, 1> failures{failure ? 1.0 : 0.0};
  ranks_.communicator().all_reduce_sum(std::span<double>(failures));
  if (failures[0] > 0) comm::throw_together(ranks_.communicator(), failure);
  cost_s_ = std::max(cost_s_, seconds_since(start));
  total_cost_s_ += seconds_since(start);
  ++kept_times_;
  kept_ = asked_ = Clock::now();
}

}  // namespace layersweep::sweep
