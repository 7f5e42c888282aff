#include "comm/timed_team.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "comm/check.hpp"
#include "comm/group.hpp"
#include "comm/requests.hpp"

namespace layersweep::comm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int arrival_tag = 1;  // to rank 0: I am here
constexpr int verdict_tag = 2;  // from rank 0: the ranks that are missing, none when the gate opens
constexpr int overdue_tag = 3;  // to rank 0: my limit has passed at gate number …, who is missing?

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Between two polls: yields at first, since most waits are short, then sleeps, to leave the processor to ranks that compute.
class Idle {
 public:
  using Polling = TimedTeam::Polling;

  Idle(Polling polling, const TimedTeam::PollMessages& poll_messages) : polling_(polling), poll_messages_(poll_messages) {}

  void pause() {
    if (const auto now = Clock::now(); now >= next_look_) {
      next_look_ = now + std::chrono::milliseconds(10);
      poll_messages_();
    }
    if (++polls_ < 500 || polling_ == Polling::steady) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  void reset() { polls_ = 0; }

 private:
  Polling polling_;
  const TimedTeam::PollMessages& poll_messages_;
  int polls_ = 0;
  Clock::time_point next_look_ = Clock::now() + std::chrono::milliseconds(10);
};

}  // namespace

// What others may still write to, or MPI read from, after a gate was left by an exception.
struct GateBuffers {
  std::vector<char> signs;   // rank 0: of the arrivals
  std::vector<int> missing;  // the others: the verdict
  std::int64_t overdue = 0;  // the others: the gate at which the limit passed
};

struct TimedTeam::State {
  Communicator team;
  double limit_s;
  PollMessages poll_messages;
  std::vector<std::string> names;  // "rank 3 (node07)", by rank of the team, with ranks of the job
  std::int64_t gate_number = 0;
  bool is_abandoned = false;

  std::shared_ptr<GateBuffers> buffers = std::make_shared<GateBuffers>();

  // Whoever leaves by an exception leaves messages behind. They must not arrive in another communicator that got the number
  // of this one, nor in memory that is used for something else, so both are kept to the end of the process.
  ~State() {
    static auto& kept = *new std::vector<std::pair<Communicator, std::shared_ptr<GateBuffers>>>;
    if (is_abandoned || std::uncaught_exceptions() > 0) kept.emplace_back(team, buffers);
  }

  MPI_Comm handle() const { return NativeAccess::handle(team); }
  void lead(std::string_view what);
  void follow(std::string_view what);
  bool somebody_is_overdue();
  std::vector<int> await_arrivals(Requests& arrivals);
  [[noreturn]] void give_up(const std::vector<int>& missing, std::string_view what, double waited_s) const;
};

TimedTeam::TimedTeam(const Communicator& team, double limit_s, PollMessages poll_messages)
    : state_(std::make_shared<State>()) {
  state_->team = team.duplicate();
  state_->limit_s = limit_s;
  state_->poll_messages = std::move(poll_messages);
  state_->names = team.all_gather_text(fmt::format("rank {} ({})", world().rank(), base::host_name()));
}

void TimedTeam::set_limit(double limit_s) { state_->limit_s = limit_s; }

double TimedTeam::limit_s() const { return state_->limit_s; }

void TimedTeam::poll_messages() const { state_->poll_messages(); }

int TimedTeam::rank() const { return state_->team.rank(); }

int TimedTeam::size() const { return state_->team.size(); }

const Communicator& TimedTeam::communicator() const { return state_->team; }

void TimedTeam::gate(std::string_view what) const {
  if (size() == 1) return;
  ++state_->gate_number;
  try {
    if (rank() == 0) {
      state_->lead(what);
    } else {
      state_->follow(what);
    }
  } catch (...) {
    abandon();
    throw;
  }
}

void TimedTeam::gate(std::string_view what, double limit_s) const {
  const double usual_s = std::exchange(state_->limit_s, limit_s);
  gate(what);
  state_->limit_s = usual_s;
}

void TimedTeam::abandon() const { state_->is_abandoned = true; }

// Rank 0's side: opens the gate, or tells those who came whom it waits for.
void TimedTeam::State::lead(std::string_view what) {
  const auto start = Clock::now();
  std::vector<char>& signs = buffers->signs;
  signs.resize(static_cast<std::size_t>(team.size()));
  Requests arrivals;
  for (int from = 1; from < team.size(); ++from)
    arrivals.receive(handle(), &signs[static_cast<std::size_t>(from)], 1, from, arrival_tag);
  const std::vector<int> missing = await_arrivals(arrivals);

  Requests verdicts;
  for (int to = 1; to < team.size(); ++to) {
    if (std::ranges::find(missing, to) != missing.end()) continue;
    // Even an empty list is a message: the gate opens.
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Isend(missing.data(), static_cast<int>(missing.size()), MPI_INT, to, verdict_tag, handle(), &request),
          "MPI_Isend");
    verdicts.add(request);
  }
  verdicts.wait();  // those who get one have posted its receive
  if (!missing.empty()) give_up(missing, what, seconds_since(start));
}

// The ranks that have not arrived when the limit passes, here or elsewhere.
std::vector<int> TimedTeam::State::await_arrivals(Requests& arrivals) {
  const auto start = Clock::now();
  Idle idle(Polling::with_sleeps, poll_messages);
  while (!arrivals.done()) {
    if (arrivals.progressed()) idle.reset();
    if (seconds_since(start) > limit_s || somebody_is_overdue()) {
      std::vector<int> missing;
      for (int from = 1; from < team.size(); ++from) {
        if (arrivals.is_open(static_cast<std::size_t>(from - 1))) missing.push_back(from);
      }
      return missing;
    }
    idle.pause();
  }
  return {};
}

bool TimedTeam::State::somebody_is_overdue() {
  int found = 0;
  MPI_Status status;
  check(MPI_Iprobe(MPI_ANY_SOURCE, overdue_tag, handle(), &found, &status), "MPI_Iprobe");
  if (found == 0) return false;
  std::int64_t number = 0;
  check(MPI_Recv(&number, 1, MPI_INT64_T, status.MPI_SOURCE, overdue_tag, handle(), MPI_STATUS_IGNORE), "MPI_Recv");
  return number == gate_number;  // an older one crossed with the opening of its gate
}

// The other ranks' side.
void TimedTeam::State::follow(std::string_view what) {
  const auto start = Clock::now();
  static const char sign = 0;  // static: rank 0 may never take it
  Requests outgoing;
  outgoing.send(handle(), &sign, 1, 0, arrival_tag);

  std::vector<int>& missing = buffers->missing;
  missing.resize(static_cast<std::size_t>(team.size()));
  MPI_Request verdict = MPI_REQUEST_NULL;
  check(MPI_Irecv(missing.data(), team.size(), MPI_INT, 0, verdict_tag, handle(), &verdict), "MPI_Irecv");

  const double patience_s = std::min(2.0, limit_s);  // for rank 0's answer once it was asked
  bool asked = false;
  Idle idle(Polling::with_sleeps, poll_messages);
  const auto forget_verdict = [&] {
    MPI_Cancel(&verdict);
    MPI_Request_free(&verdict);
  };
  for (;;) {
    int arrived = 0;
    MPI_Status status;
    check(MPI_Test(&verdict, &arrived, &status), "MPI_Test");
    if (arrived != 0) {
      int count = 0;
      check(MPI_Get_count(&status, MPI_INT, &count), "MPI_Get_count");
      if (count == 0) break;
      missing.resize(static_cast<std::size_t>(count));
      give_up(missing, what, seconds_since(start));
    }
    const double waited_s = seconds_since(start);
    if (waited_s > limit_s && !asked) {
      buffers->overdue = gate_number;
      outgoing.send(handle(), &buffers->overdue, sizeof buffers->overdue, 0, overdue_tag);
      asked = true;
    }
    if (waited_s > limit_s + patience_s) {
      forget_verdict();
      give_up({0}, what, waited_s);
    }
    try {
      idle.pause();
    } catch (...) {
      forget_verdict();
      throw;
    }
  }
  outgoing.wait();
}

void TimedTeam::State::give_up(const std::vector<int>& missing, std::string_view what, double waited_s) const {
  std::string list;
  for (const int rank : missing) list += (list.empty() ? "" : ", ") + names[static_cast<std::size_t>(rank)];
  throw base::InputError(fmt::format("{} did not arrive at {} within {:.1f} s", list, what, waited_s),
                         "it hangs, its node fails, or it computes far longer than the others",
                         "Look at that node, then run the same command again: it goes on from the last checkpoint");
}

void TimedTeam::wait(Requests& requests, std::string_view what) const {
  // All ranks are here, and messages move only while we look.
  if (!poll([&] { return requests.done(); }, Polling::steady)) give_up_on_data(what);
}

bool TimedTeam::poll(const std::function<bool()>& done, Polling polling) const {
  const auto start = Clock::now();
  Idle idle(polling, state_->poll_messages);
  while (!done()) {
    if (seconds_since(start) > state_->limit_s) return false;
    idle.pause();
  }
  return true;
}

void TimedTeam::give_up_on_data(std::string_view what) const {
  const double waited_s = state_->limit_s;
  abandon();
  // All had arrived: who does not come to one more gate has come to a stop since, and is named there.
  state_->limit_s = std::min(state_->limit_s, 5.0);
  gate(what);
  throw base::InputError(fmt::format("the data of {} did not move within {:.1f} s", what, waited_s),
                         "all ranks are there, so the network or a node fails",
                         "Run the same command again: it goes on from the last checkpoint");
}

namespace {

template <class T>
void sum_in_time(const TimedTeam& team, std::span<T> values) {
  if (team.size() == 1) return;
  team.gate("a sum over ranks");
  // A buffer of our own, which outlives a limit that passes: a late peer may still write to it.
  auto staging = std::make_unique<std::vector<T>>(values.begin(), values.end());
  Requests requests;
  try {
    for_each_chunk(values.size(), largest_chunk_bytes / sizeof(T), [&](std::size_t offset, int length) {
      MPI_Request request = MPI_REQUEST_NULL;
      check(MPI_Iallreduce(MPI_IN_PLACE, staging->data() + offset, length, mpi_type<T>(), MPI_SUM,
                           NativeAccess::handle(team.communicator()), &request),
            "MPI_Iallreduce");
      requests.add(request);
    });
    team.wait(requests, "a sum over ranks");
  } catch (...) {
    static_cast<void>(staging.release());
    throw;
  }
  std::ranges::copy(*staging, values.begin());
}

}  // namespace

void TimedTeam::all_reduce_sum(std::span<float> values) const { sum_in_time(*this, values); }

void TimedTeam::all_reduce_sum(std::span<double> values) const { sum_in_time(*this, values); }

}  // namespace layersweep::comm
