#include "comm/gate.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <exception>
#include <numeric>
#include <thread>
#include <utility>

#include "base/clock.hpp"
#include "base/environment.hpp"
#include "base/error.hpp"
#include "comm/check.hpp"
#include "comm/group.hpp"
#include "comm/keep.hpp"
#include "comm/requests.hpp"

namespace layersweep::comm {
namespace {

using base::Clock;
using base::seconds_since;

// Tags of messages; communicator.cpp has 1.
constexpr int arrival_tag = 2;  // to rank 0: I am here
constexpr int verdict_tag = 3;  // from rank 0: the ranks that are missing, none when the gate opens
constexpr int overdue_tag = 4;  // to rank 0: my limit has passed at gate number …, who is missing?
constexpr int life_tag = 5;     // from rank 0: be patient

constexpr double default_limit_s = 600;

// The hosts of the job's ranks; empty before the first gate of all has opened.
std::vector<std::string>& hosts_of_job() {
  static auto& hosts = *new std::vector<std::string>;
  return hosts;
}

// Between two polls: yields at first, since most waits are short, then sleeps, to leave the processor to ranks that compute.
class Idle {
 public:
  Idle(Polling polling, const Communicator::PollMessages& poll_messages)
      : polling_(polling), poll_messages_(poll_messages) {}

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
  const Communicator::PollMessages& poll_messages_;
  int polls_ = 0;
  Clock::time_point next_look_ = Clock::now() + std::chrono::milliseconds(10);
};

}  // namespace

struct Communicator::Group::Buffers {
  std::vector<std::size_t> signatures;  // rank 0: of the arrivals
  std::size_t signature = 0;            // the others: their own
  std::vector<int> missing;             // the others: the verdict; −1 − r where rank r is at another gate than rank 0
  std::int64_t overdue = 0;             // the others: the gate at which the limit passed
};

Communicator::Group::Group(MPI_Comm mpi_handle, Ownership mpi_ownership, double wait_limit_s, PollMessages poll)
    : handle(mpi_handle),
      ownership(mpi_ownership),
      limit_s(wait_limit_s),
      poll_messages(std::move(poll)),
      buffers(std::make_shared<Buffers>()) {
  check(MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_rank(handle, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(handle, &size), "MPI_Comm_size");
  rank_of_job.resize(static_cast<std::size_t>(size));
  std::vector<int> here(rank_of_job.size());
  std::iota(here.begin(), here.end(), 0);
  MPI_Group mine = MPI_GROUP_NULL, all = MPI_GROUP_NULL;
  check(MPI_Comm_group(handle, &mine), "MPI_Comm_group");
  check(MPI_Comm_group(MPI_COMM_WORLD, &all), "MPI_Comm_group");
  check(MPI_Group_translate_ranks(mine, size, here.data(), all, rank_of_job.data()), "MPI_Group_translate_ranks");
  MPI_Group_free(&mine);
  MPI_Group_free(&all);
}

Communicator::Group::~Group() {
  if (ownership == Ownership::borrowed || !mpi_is_running()) return;
  // To release is collective: not from one rank's unwinding. Whoever leaves by an exception also leaves messages behind.
  // They must not arrive in another communicator that got the number of this one, nor in memory that is used for something
  // else, so both are kept to the end of the process.
  if (is_abandoned || std::uncaught_exceptions() > 0) {
    keep_for_late_ranks(buffers);
  } else {
    MPI_Comm_free(&handle);
  }
}

std::string Communicator::Group::name_of(int of) const {
  const int in_job = rank_of_job.at(static_cast<std::size_t>(of));
  const auto& hosts = hosts_of_job();
  const auto place = static_cast<std::size_t>(in_job);
  if (of == rank) return fmt::format("rank {} ({})", in_job, base::host_name());
  return place < hosts.size() ? fmt::format("rank {} ({})", in_job, hosts[place]) : fmt::format("rank {}", in_job);
}

std::string Communicator::name_of(int rank) const {
  return group_ ? group_->name_of(rank) : fmt::format("rank {} ({})", world().rank(), base::host_name());
}

double Communicator::limit_s() const { return group_ ? group_->limit_s : default_limit_s; }

void Communicator::poll_messages() const {
  if (group_) group_->poll_messages();
}

void Communicator::gate(std::string_view purpose) const { gate(purpose, limit_s()); }

void Communicator::gate(std::string_view purpose, double limit_s) const {
  if (size() == 1) return;
  group_->gate(purpose, 0, limit_s);
  if (static bool asked = false; group_->ownership == Group::Ownership::borrowed && !std::exchange(asked, true)) {
    hosts_of_job() = all_gather_text(base::host_name());
  }
}

void Communicator::enter(std::string_view purpose, std::size_t bytes) const {
  if (size() > 1) group_->gate(purpose, bytes, limit_s());
}

void Communicator::Group::gate(std::string_view purpose, std::size_t bytes, double within_s) {
  ++gate_number;
  // Ranks run the same program, so that hashes compare.
  const std::size_t signature = std::hash<std::string_view>{}(purpose) ^ bytes;
  try {
    rank == 0 ? lead(purpose, signature, within_s) : follow(purpose, signature, within_s);
  } catch (...) {
    is_abandoned = true;
    throw;
  }
}

// Rank 0's side: opens the gate, or tells those who came whom it waits for.
void Communicator::Group::lead(std::string_view purpose, std::size_t signature, double within_s) {
  const auto start = Clock::now();
  std::vector<std::size_t>& signatures = buffers->signatures;
  signatures.assign(static_cast<std::size_t>(size), signature);
  Requests arrivals;
  for (int from = 1; from < size; ++from) {
    arrivals.receive(handle, &signatures[static_cast<std::size_t>(from)], sizeof signature, from, arrival_tag);
  }
  std::vector<int> missing = await_arrivals(arrivals, within_s);
  const auto differing = std::ranges::find_if(signatures, [&](std::size_t other) { return other != signature; });
  const int other = static_cast<int>(differing - signatures.begin());
  const bool differs = missing.empty() && other < size;
  if (differs) missing = {-1 - other};

  Requests verdicts;
  for (int to = 1; to < size; ++to) {
    if (std::ranges::find(missing, to) != missing.end()) continue;
    // Even an empty list is a message: the gate opens.
    check(MPI_Isend(missing.data(), static_cast<int>(missing.size()), MPI_INT, to, verdict_tag, handle, verdicts.next()),
          "MPI_Isend");
  }
  verdicts.wait();  // those who get one have posted its receive
  if (differs) refuse_differing(other, purpose);
  if (!missing.empty()) give_up(missing, purpose, seconds_since(start));
}

// The ranks that have not arrived when the limit passes, here or elsewhere.
std::vector<int> Communicator::Group::await_arrivals(Requests& arrivals, double within_s) {
  const auto start = Clock::now();
  Idle idle(Polling::with_sleeps, poll_messages);
  while (!arrivals.done()) {
    if (arrivals.progressed()) idle.reset();
    if (seconds_since(start) > within_s || somebody_is_overdue()) {
      std::vector<int> missing;
      for (int from = 1; from < size; ++from) {
        if (arrivals.is_open(static_cast<std::size_t>(from - 1))) missing.push_back(from);
      }
      return missing;
    }
    idle.pause();
  }
  return {};
}

bool Communicator::Group::somebody_is_overdue() const {
  int found = 0;
  MPI_Status status;
  check(MPI_Iprobe(MPI_ANY_SOURCE, overdue_tag, handle, &found, &status), "MPI_Iprobe");
  if (found == 0) return false;
  std::int64_t number = 0;
  check(MPI_Recv(&number, 1, MPI_INT64_T, status.MPI_SOURCE, overdue_tag, handle, MPI_STATUS_IGNORE), "MPI_Recv");
  return number == gate_number;  // an older one crossed with the opening of its gate
}

void Communicator::give_sign_of_life() const {
  if (size() == 1 || rank() != 0) return;
  const double now_s = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  if (now_s - group_->sign_given_s < limit_s() / 4) return;
  group_->sign_given_s = now_s;
  static const char sign = 0;
  for (int to = 1; to < size(); ++to) {
    // Whoever does not wait takes it at the next gate.
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Isend(&sign, 1, MPI_BYTE, to, life_tag, group_->handle, &request), "MPI_Isend");
    check(MPI_Request_free(&request), "MPI_Request_free");
  }
}

bool Communicator::Group::rank_0_lives() const {
  bool lives = false;
  for (;; lives = true) {
    int found = 0;
    check(MPI_Iprobe(0, life_tag, handle, &found, MPI_STATUS_IGNORE), "MPI_Iprobe");
    if (found == 0) return lives;
    char sign = 0;
    check(MPI_Recv(&sign, 1, MPI_BYTE, 0, life_tag, handle, MPI_STATUS_IGNORE), "MPI_Recv");
  }
}

// The other ranks' side.
void Communicator::Group::follow(std::string_view purpose, std::size_t signature, double within_s) {
  auto start = Clock::now();
  buffers->signature = signature;  // there, as rank 0 may never take it
  Requests outgoing;
  outgoing.send(handle, &buffers->signature, sizeof signature, 0, arrival_tag);

  std::vector<int>& missing = buffers->missing;
  missing.resize(static_cast<std::size_t>(size));
  MPI_Request verdict = MPI_REQUEST_NULL;
  check(MPI_Irecv(missing.data(), size, MPI_INT, 0, verdict_tag, handle, &verdict), "MPI_Irecv");

  const double patience_s = std::min(2.0, within_s);  // for rank 0's answer once it was asked
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
      if (missing.front() < 0) refuse_differing(-1 - missing.front(), purpose);
      missing.resize(static_cast<std::size_t>(count));
      give_up(missing, purpose, seconds_since(start));
    }
    double waited_s = seconds_since(start);
    if (waited_s > within_s / 2 && rank_0_lives()) {  // not where waits are short and many
      start = Clock::now();
      waited_s = 0;
      asked = false;
    }
    if (waited_s > within_s && !asked) {
      buffers->overdue = gate_number;
      outgoing.send(handle, &buffers->overdue, sizeof buffers->overdue, 0, overdue_tag);
      asked = true;
    }
    if (waited_s > within_s + patience_s) {
      forget_verdict();
      give_up({0}, purpose, waited_s);
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

void Communicator::Group::refuse_differing(int other, std::string_view purpose) const {
  throw base::InternalError(fmt::format(
      "internal error: {} and {} call different collectives, or with different sizes; {} is at {}. Please report "
      "this with the command that led to it",
      name_of(0), name_of(other), name_of(rank), purpose));
}

void Communicator::Group::give_up(const std::vector<int>& missing, std::string_view purpose, double waited_s) const {
  std::string list;
  for (const int one : missing) list += (list.empty() ? "" : ", ") + name_of(one);
  throw RankMissing(fmt::format("{} did not arrive at {} within {:.1f} s", list, purpose, waited_s),
                    "it hangs, its node fails, or it computes far longer than the others",
                    "Look at that node, then run the same command again: it goes on from the last checkpoint");
}

void abandon(const Communicator& ranks) { NativeAccess::abandon(ranks); }

void wait_for(const Communicator& ranks, Requests& requests, std::string_view purpose) {
  // All ranks are here, and messages move only while we look.
  if (!poll_until(
          ranks, [&] { return requests.done(); }, Polling::steady))
    give_up_on_data(ranks, purpose);
}

bool poll_until(const Communicator& ranks, const std::function<bool()>& done, Polling polling) {
  const auto start = Clock::now();
  const Communicator::PollMessages poll_messages = [&] { ranks.poll_messages(); };
  Idle idle(polling, poll_messages);
  while (!done()) {
    if (seconds_since(start) > ranks.limit_s()) return false;
    idle.pause();
  }
  return true;
}

void give_up_on_data(const Communicator& ranks, std::string_view purpose) {
  abandon(ranks);
  // All had arrived: who does not come to one more gate has come to a stop since, and is named there.
  ranks.gate(purpose, std::min(ranks.limit_s(), 5.0));
  throw RankMissing(fmt::format("the data of {} did not move within {:.1f} s", purpose, ranks.limit_s()),
                    "all ranks are there, so the network or a node fails",
                    "Run the same command again: it goes on from the last checkpoint");
}

}  // namespace layersweep::comm
