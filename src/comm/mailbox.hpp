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

/// What a message is about, 0 … 32,766. Messages of one rank with one tag arrive in the order they were sent.
using MessageTag = int;

class Mailbox {
 public:
  static constexpr int anyone = -1;

  /// A message space of its own. A rank that is waited for counts as lost when nothing came from it for the limit of
  /// `ranks`. Collective.
  explicit Mailbox(const Communicator& ranks);

  /// Returns at once; a message that nobody takes is lost at the end. Independent.
  void send(int to, MessageTag tag, std::string_view text);

  /// A message that has arrived, or nothing. Independent.
  std::optional<Message> poll(MessageTag tag, int from = anyone);

  /// Waits for a message, with sleeps, so that others may have the processor, as long as that rank gives signs of life.
  /// Throws InputError that names it; `purpose` completes "… did not send". Independent.
  Message receive(MessageTag tag, int from, std::string_view purpose);

  /// Tells another rank that this one is alive and will say so again within `silence_s`. Independent.
  void give_sign_of_life(int to, double silence_s);
  /// Throws as receive() when a sign of life of that rank is overdue. Independent.
  void check_life(int from, std::string_view purpose);

  int rank() const;
  int size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace layersweep::comm
