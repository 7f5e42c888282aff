#include "comm/mailbox.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <list>
#include <thread>
#include <vector>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "comm/check.hpp"
#include "comm/group.hpp"

namespace layersweep::comm {

struct Mailbox::State {
  Communicator ranks;
  std::vector<std::string> names;  // "rank 3 (node07)", with ranks of the job

  struct Sent {
    std::string text;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  std::list<Sent> sent;  // until MPI has taken them; a list, since MPI holds the addresses
  struct Own {
    Subject subject;
    std::string text;
  };
  std::deque<Own> own;  // without MPI

  // A message may still be on its way, taken by MPI or not. It must not arrive in another communicator that got the number
  // of this one, so this one is kept to the end of the process, and so is what a receiver may still fetch.
  ~State() {
    static_cast<void>(new Communicator(ranks));
    if (!sent.empty()) static_cast<void>(new std::list<Sent>(std::move(sent)));
  }

  MPI_Comm handle() const { return NativeAccess::handle(ranks); }
  bool has_mpi() const { return NativeAccess::has_handle(ranks); }

  void forget_what_arrived() {
    for (Sent& one : sent) {
      int done = 0;
      check(MPI_Test(&one.request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    }
    sent.remove_if([](const Sent& one) { return one.request == MPI_REQUEST_NULL; });
  }
};

Mailbox::Mailbox(const Communicator& ranks) : state_(std::make_shared<State>()) {
  state_->ranks = ranks.duplicate();
  state_->names = ranks.all_gather_text(fmt::format("rank {} ({})", world().rank(), base::host_name()));
}

int Mailbox::rank() const { return state_->ranks.rank(); }

int Mailbox::size() const { return state_->ranks.size(); }

void Mailbox::send(int to, Subject subject, std::string_view text) {
  if (!state_->has_mpi()) {
    base::ensure(to == 0, "a message to a rank that does not exist");
    state_->own.push_back({subject, std::string(text)});
    return;
  }
  state_->forget_what_arrived();
  State::Sent& message = state_->sent.emplace_back(State::Sent{std::string(text)});
  check(MPI_Isend(message.text.data(), static_cast<int>(message.text.size()), MPI_BYTE, to, subject, state_->handle(),
                  &message.request),
        "MPI_Isend");
}

std::optional<Message> Mailbox::poll(Subject subject, int from) {
  if (!state_->has_mpi()) {
    const auto found = std::ranges::find(state_->own, subject, &State::Own::subject);
    if (found == state_->own.end()) return std::nullopt;
    Message message{0, std::move(found->text)};
    state_->own.erase(found);
    return message;
  }
  state_->forget_what_arrived();
  int found = 0;
  MPI_Status status;
  check(MPI_Iprobe(from == anyone ? MPI_ANY_SOURCE : from, subject, state_->handle(), &found, &status), "MPI_Iprobe");
  if (found == 0) return std::nullopt;
  int bytes = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &bytes), "MPI_Get_count");
  Message message{status.MPI_SOURCE, std::string(static_cast<std::size_t>(bytes), '\0')};
  check(MPI_Recv(message.text.data(), bytes, MPI_BYTE, message.from, subject, state_->handle(), MPI_STATUS_IGNORE),
        "MPI_Recv");
  return message;
}

Message Mailbox::receive(Subject subject, double limit_s, std::string_view what, int from) {
  const auto start = std::chrono::steady_clock::now();
  for (int polls = 0;; ++polls) {
    if (auto message = poll(subject, from)) return std::move(*message);
    const double waited_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (waited_s > limit_s) {
      std::string awaited = from == anyone ? "" : state_->names[static_cast<std::size_t>(from)];
      for (int other = 0; from == anyone && other < size(); ++other) {
        if (other == rank() && size() > 1) continue;
        awaited += (awaited.empty() ? "" : ", ") + state_->names[static_cast<std::size_t>(other)];
      }
      throw base::InputError(fmt::format("{} did not send {} within {:.1f} s", awaited, what, waited_s),
                             "it hangs, its node fails, or it computes far longer than expected",
                             "Look at that node, then run the same command again: it goes on from what was done");
    }
    if (polls < 500) {
      sched_yield();
    } else {
      // Such waits can last for hours; whoever waits is in no hurry.
      std::this_thread::sleep_for(std::chrono::microseconds(polls < 5'000 ? 200 : 5'000));
    }
  }
}

}  // namespace layersweep::comm
