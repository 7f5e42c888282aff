// Collectives that give up: a rank that hangs ends the job with its name instead of stopping it for days.
//
// Every collective begins with a gate. Each rank reports its arrival to rank 0 of the team; when all are there, rank 0
// opens the gate and the data move. When the limit passes, rank 0 tells the others who is missing; when rank 0 itself
// stays silent, the others name it. All waiting is polling, with short sleeps.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "comm/communicator.hpp"

namespace layersweep::comm {

class Requests;  // MPI requests in flight, comm/requests.hpp

/// A cheap handle, like a communicator. After a limit has passed the team is of no further use.
class TimedTeam {
 public:
  /// Called now and then while a rank waits; what it throws ends the waiting, and the team is of no further use.
  using PollMessages = std::function<void()>;

  /// Collective. `limit_s` is how long a rank waits at a gate, and then for the data.
  TimedTeam(
      const Communicator& team, double limit_s, PollMessages poll_messages = [] {});

  /// Independent; the ranks may differ, the shortest limit counts.
  void set_limit(double limit_s);
  double limit_s() const;

  /// What a rank does between two pieces of work of its own, as while it waits. Independent.
  void poll_messages() const;

  int rank() const;
  int size() const;

  /// In place, order of the MPI library. Collective; throws InputError naming the missing ranks when the limit passes.
  void all_reduce_sum(std::span<float> values) const;
  void all_reduce_sum(std::span<double> values) const;

  /// Waits until all ranks have come here; `what` completes "did not arrive at …". Collective, throws as above.
  void gate(std::string_view what) const;
  /// The same with a limit of its own.
  void gate(std::string_view what, double limit_s) const;

  /// Waits for requests started after a gate; throws InputError when the limit passes. Independent.
  void wait(Requests& requests, std::string_view what) const;

  /// How a rank waits: it always begins by yielding its processor between two looks.
  enum class Polling {
    steady,       ///< for data that move only while we look
    with_sleeps,  ///< leaves the processor to ranks that compute
  };
  /// Waits until done() holds; false when the limit passes first. Independent.
  bool poll(const std::function<bool()>& done, Polling polling) const;

  /// For a rank that leaves its team by a failure which this team has not thrown: the others may still write to it.
  /// Independent.
  void abandon() const;

  /// After a gate that all passed, when their data do not come: throws InputError that names the ranks that have come to a
  /// stop since, or else blames the network. Every rank whose data do not come gets here by itself.
  [[noreturn]] void give_up_on_data(std::string_view what) const;

  const Communicator& communicator() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace layersweep::comm
