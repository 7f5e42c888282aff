// Small messages between single ranks: "give me a unit". Alone, without MPI, a rank writes to itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "comm/communicator.hpp"

namespace layersweep::comm {

struct Message {
  int from = 0;
  std::string text;  ///< any bytes
};

/// What messages are about, 0 … 32,767. Messages of one rank about one subject arrive in the order they were sent.
using Subject = int;

class Mailbox {
 public:
  static constexpr int anyone = -1;

  /// A message space of its own. Collective.
  explicit Mailbox(const Communicator& ranks);

  /// Returns at once; a message that nobody takes is lost at the end. Independent.
  void send(int to, Subject subject, std::string_view text);

  /// A message that has arrived, or nothing. Independent.
  std::optional<Message> poll(Subject subject, int from = anyone);

  /// Waits for a message, with sleeps, so that others may have the processor. Throws InputError that names the ranks it
  /// waited for when `limit_s` passes; `what` completes "… did not send". Independent.
  Message receive(Subject subject, double limit_s, std::string_view what, int from = anyone);

  int rank() const;
  int size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace layersweep::comm
