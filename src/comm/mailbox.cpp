#include "comm/mailbox.hpp"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <list>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "comm/check.hpp"
#include "comm/group.hpp"
#include "comm/keep.hpp"

namespace layersweep::comm {
namespace {

constexpr MessageTag life_tag = 32'767;  // the largest that MPI promises

}  // namespace

struct Mailbox::State {
  Communicator ranks;
  std::vector<base::Clock::time_point> heard;  // of each rank: when something came from it,
  std::vector<double> silence_s;               // and how long it may be silent after it

  struct Sent {
    std::string text;
    MPI_Request request = MPI_REQUEST_NULL;
  };
  std::list<Sent> sent;  // until MPI has taken them; a list, since MPI holds the addresses
  struct Own {
    MessageTag tag;
    std::string text;
  };
  std::deque<Own> own;  // without MPI

  // A message may still be on its way, taken by MPI or not. It must not arrive in another communicator that got the number
  // of this one, so this one is kept to the end of the process, and so is what a receiver may still fetch.
  ~State() { keep_for_late_ranks(std::pair(ranks, std::move(sent))); }

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
  state_->heard.assign(static_cast<std::size_t>(ranks.size()), base::Clock::now());
  state_->silence_s.assign(static_cast<std::size_t>(ranks.size()), ranks.limit_s());
}

int Mailbox::rank() const { return state_->ranks.rank(); }

int Mailbox::size() const { return state_->ranks.size(); }

void Mailbox::send(int to, MessageTag tag, std::string_view text) {
  if (!state_->has_mpi()) {
    base::ensure(to == 0, "a message to a rank that does not exist");
    state_->own.push_back({tag, std::string(text)});
    return;
  }
  state_->forget_what_arrived();
  State::Sent& message = state_->sent.emplace_back(State::Sent{std::string(text)});
  check(MPI_Isend(message.text.data(), static_cast<int>(message.text.size()), MPI_BYTE, to, tag, state_->handle(),
                  &message.request),
        "MPI_Isend");
}

std::optional<Message> Mailbox::poll(MessageTag tag, int from) {
  if (!state_->has_mpi()) {
    const auto found = std::ranges::find(state_->own, tag, &State::Own::tag);
    if (found == state_->own.end()) return std::nullopt;
    Message message{0, std::move(found->text)};
    state_->own.erase(found);
    return message;
  }
  state_->forget_what_arrived();
  int found = 0;
  MPI_Status status;
  check(MPI_Iprobe(from == anyone ? MPI_ANY_SOURCE : from, tag, state_->handle(), &found, &status), "MPI_Iprobe");
  if (found == 0) return std::nullopt;
  int bytes = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &bytes), "MPI_Get_count");
  Message message{status.MPI_SOURCE, std::string(static_cast<std::size_t>(bytes), '\0')};
  check(MPI_Recv(message.text.data(), bytes, MPI_BYTE, message.from, tag, state_->handle(), MPI_STATUS_IGNORE), "MPI_Recv");
  state_->heard[static_cast<std::size_t>(message.from)] = base::Clock::now();
  return message;
}

void Mailbox::give_sign_of_life(int to, double silence_s) { send(to, life_tag, fmt::format("{}", silence_s)); }

void Mailbox::check_life(int from, std::string_view purpose) {
  const auto place = static_cast<std::size_t>(from);
  while (const auto sign = poll(life_tag, from)) {
    state_->silence_s[place] = std::strtod(sign->text.c_str(), nullptr);
  }
  const double waited_s = base::seconds_since(state_->heard[place]);
  if (waited_s <= state_->silence_s[place]) return;
  throw base::InputError(fmt::format("{} did not send {} within {:.1f} s", state_->ranks.name_of(from), purpose, waited_s),
                         "it hangs, its node fails, or it computes far longer than expected",
                         "Look at that node, then run the same command again: it goes on from what was done");
}

Message Mailbox::receive(MessageTag tag, int from, std::string_view purpose) {
  // Who was not waited for was not listened to.
  auto& heard = state_->heard[static_cast<std::size_t>(from)];
  heard = std::max(heard, base::Clock::now());
  for (int polls = 0;; ++polls) {
    if (auto message = poll(tag, from)) return std::move(*message);
    check_life(from, purpose);
    if (polls < 500) {
      sched_yield();
    } else {
      // Such waits can last for hours; whoever waits is in no hurry.
      std::this_thread::sleep_for(std::chrono::microseconds(polls < 5'000 ? 200 : 5'000));
    }
  }
}

}  // namespace layersweep::comm
